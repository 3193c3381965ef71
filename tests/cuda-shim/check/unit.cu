/* SPDX-License-Identifier: MIT
 *
 * unit - the shim's parts; the last line is "N passed, N failed".
 */
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>

static int passed, failed;

void unit_check(int ok, const char *fmt, ...)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

float unit_value(uint32_t i)
{
	i = (i ^ i >> 15) * 0x2c1b3c6du;
	i = (i ^ i >> 12) * 0x297a2d39u;
	return (float)(int32_t)(i ^ i >> 15) * 0x1p-31f;
}

int main(void)
{
	unit_half();
	unit_warp();
	unit_lt();
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
