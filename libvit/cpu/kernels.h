/* SPDX-License-Identifier: MIT
 *
 * kernels.h - the body of kernels_ISA.c: every kernel and their table,
 * compiled for one instruction set. The includer defines ISA and ISA_LABEL.
 */
#include "cpu/cpu.h"

#include <omp.h>
#include <stdlib.h>

#include "cpu/attention.h"
#include "cpu/linear.h"
#include "cpu/norm.h"
#include "cpu/optim.h"
#include "cpu/tokens.h"

static const struct cpu_op ops[] = {
	{ "add_layernorm", add_layernorm_fit, add_layernorm_forward, add_layernorm_backward },
	{ "adamw", NULL, adamw_forward, NULL },
	{ "attention", attention_fit, attention_forward, attention_backward },
	{ "dropout", NULL, dropout_forward, dropout_backward },
	{ "grad_norm", grad_norm_fit, grad_norm_forward, NULL },
	{ "image", image_fit, image_forward, NULL },
	{ "layernorm", layernorm_fit, layernorm_forward, layernorm_backward },
	{ "linear", linear_fit, linear_forward, linear_backward },
	{ "patches", image_fit, patches_forward, NULL },
	{ "pool", NULL, pool_forward, pool_backward },
	{ "tokens", NULL, tokens_forward, tokens_backward },
	{ 0 },
};

#define ISA_STRING(x) #x
#define ISA_NAME(x) ISA_STRING(x)
#define ISA_JOIN(x) cpu_isa_##x
#define ISA_TABLE(x) ISA_JOIN(x)
const struct cpu_isa ISA_TABLE(ISA) = { ISA_NAME(ISA), ISA_LABEL, ops };
