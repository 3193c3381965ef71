/* SPDX-License-Identifier: MIT */
#include "core/near.h"

#include <string.h>

int vit_text_distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	int d[MAX + 1][MAX + 1];
	int n = (int)strlen(a), m = (int)strlen(b);
	if (n > MAX || m > MAX)
		return MAX;
	for (int i = 0; i <= n; i++)
		for (int j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}
