/* SPDX-License-Identifier: MIT
 *
 * version.c - --version: what this installation consists of. Plug-ins are not
 * opened for it; backends are, by programs that compute, to say what they find.
 */
#include "cli/internal.h"

#include "core/module.h"
#include "format/format.h"
#include "graph/backend.h"

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

static void print_devices(void)
{
	struct vit_buf list = { 0 };
	if (!vit_device_list(&list)) {
		const char *before = "devices: ";
		char *rest = (char *)list.p;
		for (char *line; rest && *rest && (line = strsep(&rest, "\n")); before = "         ")
			printf("%s%s\n", before, line);
	}
	vit_buf_release(&list);
}

void cli_print_version(void)
{
	static const char *const backend[] = { "cpu", "cuda" };
	printf("%s %s (vit-tools, build %s)\nbackends: reference", cli.program->name, vit_version(), vit_build_id());
	for (size_t i = 0; i < sizeof backend / sizeof *backend; i++)
		if (is_there(backend[i]))
			printf(" %s", backend[i]);
	putchar('\n');
	if (cli.program->common & CLI_USE_DEVICE)
		print_devices();
	printf("formats:");
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
