/* SPDX-License-Identifier: MIT
 *
 * vit-train.c - samples to a model. The parts are in cmd/train.
 */
#include "train/command.h"

static int run(void *config, int argc, char **argv)
{
	struct train t = { .cfg = config };
	int status = train_open(&t, argc, argv);
	if (!status && t.cfg->explain)
		status = train_explain(&t);
	else if (!status && !(status = train_resume(&t)) && !(status = train_loop(&t)))
		status = train_finish(&t);
	train_close(&t);
	return status;
}

int main(int argc, char **argv)
{
	static const struct cli_program program = {
		.name = "vit-train",
		.summary = "train a Vision Transformer on a stream of samples",
		.synopsis = "vit-train [OPTION]... [SAMPLES]...",
		.example = "  vit-fetch fashion-mnist --epochs 8 --shuffle | vit-augment --recipe fashion |\n"
			   "      vit-train --recipe fashion --model vit:patch=7,dim=128,depth=4,heads=4,mlp=2 -o model.vit\n",
		.arguments = "SAMPLES are sample streams, read one after another; stdin when there is none.\n"
			     "Spans take a unit: 5ep (epochs, also without a unit), 500it (steps), 5% (of the run).\n",
		.options = train_options,
		.common = CLI_USE_THREADS | CLI_USE_SEED | CLI_USE_DEVICE | CLI_USE_AMP | CLI_USE_MEMORY | CLI_USE_LIMIT | CLI_USE_MAX_BAD | CLI_USE_PROGRESS |
			  CLI_USE_LOG | CLI_USE_OUT | CLI_USE_MAX_RECORD,
		.config_size = sizeof(struct train_config),
		.run = run,
	};
	return cli_main(argc, argv, &program);
}
