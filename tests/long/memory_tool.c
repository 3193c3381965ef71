/* SPDX-License-Identifier: MIT
 *
 * Helper of memory.bats.
 *
 *   memory_tool tar N          a tar of N tiny images in ten class folders, on stdout
 *   memory_tool files N DIR    N files of one image each (links to one) in ten class folders
 *   memory_tool peak FILE CMD ARG...  runs it; appends its peak resident memory in MiB to FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char image[] = "P5 1 1 255\nx";

static int tar(long n)
{
	char h[1024], zero[1024] = { 0 };
	for (long i = 0; i < n; i++) {
		memset(h, 0, sizeof h);
		snprintf(h, 100, "set/class%ld/%07ld.pgm", i % 10, i);
		strcpy(h + 100, "0000644");
		strcpy(h + 108, "0000000");
		strcpy(h + 116, "0000000");
		snprintf(h + 124, 12, "%011o", (unsigned)sizeof image - 1);
		strcpy(h + 136, "00000000000");
		memset(h + 148, ' ', 8);
		h[156] = '0';
		memcpy(h + 257, "ustar\0" "00", 8);
		unsigned sum = 0;
		for (int k = 0; k < 512; k++)
			sum += (unsigned char)h[k];
		snprintf(h + 148, 8, "%06o", sum);
		memcpy(h + 512, image, sizeof image - 1);
		if (fwrite(h, sizeof h, 1, stdout) != 1)
			return 1;
	}
	return fwrite(zero, sizeof zero, 1, stdout) != 1 || fflush(stdout);
}

/* Links are quicker made than files; a file system has at most some 30,000 to one. */
static int files(long n, const char *dir)
{
	char path[4096], first[4096] = "";
	for (int c = 0; c < 10; c++) {
		snprintf(path, sizeof path, "%s/class%d", dir, c);
		if (mkdir(path, 0755))
			return 1;
	}
	for (long i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/class%ld/%07ld.pgm", dir, i % 10, i);
		if (i % 20000 && !link(first, path))
			continue;
		FILE *f = fopen(path, "wb");
		if (!f || fwrite(image, sizeof image - 1, 1, f) != 1 || fclose(f))
			return 1;
		strcpy(first, path);
	}
	return 0;
}

static int peak(const char *file, char **argv)
{
	struct rusage u;
	int status;
	pid_t pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0)
		return 1;
	FILE *f = fopen(file, "a");
	if (!f || fprintf(f, "%s %ld\n", argv[0], u.ru_maxrss / 1024) < 0 || fclose(f))
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "tar"))
		return tar(atol(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "files"))
		return files(atol(argv[2]), argv[3]);
	if (argc > 3 && !strcmp(argv[1], "peak"))
		return peak(argv[2], argv + 3);
	return 2;
}
