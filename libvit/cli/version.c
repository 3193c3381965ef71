/* SPDX-License-Identifier: MIT
 *
 * version.c - --version: what this installation consists of, opening none of it.
 */
#include "cli/internal.h"

#include "core/module.h"
#include "format/format.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_there(const char *module)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/vit/libvit-%s.so", vit_lib_dir(), module);
	return !access(path, R_OK);
}

void cli_print_version(void)
{
	static const char *const backend[] = { "cpu", "cuda" };
	printf("%s %s (vit-tools, build %s)\nbackends: reference", cli.program->name, vit_version(), vit_build_id());
	for (size_t i = 0; i < sizeof backend / sizeof *backend; i++)
		if (is_there(backend[i]))
			printf(" %s", backend[i]);
	printf("\nformats:");
	for (const struct vit_format *const *f = vit_formats; *f; f++)
		printf(" %s", (*f)->name);
	/* names only: a plugin is code, which is not run to be listed */
	char *plugins = vit_format_plugins();
	for (char *rest = plugins, *name; rest && (name = strsep(&rest, "\n")); )
		if (*name)
			printf(" plugin:%s", name);
	putchar('\n');
	free(plugins);
}
