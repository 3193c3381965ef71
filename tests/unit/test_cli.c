/* SPDX-License-Identifier: MIT
 *
 * A small program of every option type, run by cli_main() in a child process;
 * its stdout and stderr are what the tests look at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/cli.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct config {
	struct cli_common common;
	int flag, choice;
	int64_t count;
	double lr;
	const char *file;
	struct cli_span warmup;
	double holdout;
	struct cli_part shard;
	struct cli_list where;
	struct cli_optint shuffle;
};

#define AT(field) offsetof(struct config, field)
static const struct cli_option options[] = {
	{ .name = "flag", .letter = 'f', .type = CLI_FLAG, .offset = AT(flag), .help = "a flag", .flags = CLI_RESULT },
	{ .name = "choice", .type = CLI_CHOICE, .offset = AT(choice), .values = "red|green|blue", .synonyms = "rouge=red|bleu=blue", .def = "green", .help = "a colour",
	  .flags = CLI_RESULT },
	{ .name = "count", .letter = 'n', .type = CLI_INT, .offset = AT(count), .min = 1, .max = 5000, .def = "7", .help = "a count",
	  .group = "numbers", .flags = CLI_RESULT },
	{ .name = "learning-rate", .alias = "lr,rate", .type = CLI_FLOAT, .offset = AT(lr), .min = 0, .max = 1, .def = "1e-3",
	  .help = "a rate", .flags = CLI_RESULT },
	{ .name = "init", .type = CLI_STR, .offset = AT(file), .arg = "FILE", .help = "a file", .flags = CLI_RESULT | CLI_FILE },
	{ .name = "warmup", .type = CLI_SPAN, .offset = AT(warmup), .def = "5%", .help = "a duration", .flags = CLI_RESULT },
	{ .name = "holdout", .type = CLI_FRACTION, .offset = AT(holdout), .help = "a share" },
	{ .name = "shard", .type = CLI_PART, .offset = AT(shard), .help = "a part" },
	{ .name = "where", .type = CLI_LIST, .offset = AT(where), .help = "conditions", .flags = CLI_RESULT },
	{ .name = "shuffle", .type = CLI_OPTINT, .offset = AT(shuffle), .def = "100", .help = "a window" },
	{ .name = NULL },
};

static int print_config(const struct config *c, int argc, char **argv)
{
	printf("flag %d choice %d count %" PRId64 " lr %g init %s warmup %g/%d holdout %g shard %" PRId64 "/%" PRId64 " shuffle %d/%" PRId64,
	       c->flag, c->choice, c->count, c->lr, c->file ? c->file : "none", c->warmup.value, c->warmup.unit, c->holdout,
	       c->shard.i, c->shard.n, c->shuffle.given, c->shuffle.value);
	for (int i = 0; i < c->where.n; i++)
		printf(" where %s", c->where.v[i]);
	for (int i = 0; i < argc; i++)
		printf(" [%s]", argv[i]);
	char *json = json_dumps(cli_options_json(), JSON_SORT_KEYS | JSON_COMPACT);
	printf(" %s\n", json);
	free(json);
	return argv[argc] ? 99 : 0;
}

static int run_print(void *config, int argc, char **argv)
{
	return print_config(config, argc, argv);
}

static int run_recipe(void *config, int argc, char **argv)
{
	static char text[][12] = { "count 9", "--lr=0.5", "flag", "where a=1", "where  b=2 " };
	char *lines[] = { text[0], text[1], text[2], text[3], text[4], NULL };
	int rc = cli_apply("recipe x", lines);
	return rc ? rc : print_config(config, argc, argv);
}

static int run_bad_recipe(void *config, int argc, char **argv)
{
	static char text[] = "counts 9";
	char *lines[] = { text, NULL };
	(void)config, (void)argc, (void)argv;
	return cli_apply("recipe x", lines);
}

/* The lines of a recipe come from the command line's operands. */
static int run_lines(void *config, int argc, char **argv)
{
	(void)config, (void)argc;
	return cli_apply("recipe x", argv);
}

static int run_two_claims(void *config, int argc, char **argv)
{
	(void)config, (void)argc, (void)argv;
	int rc = cli_claim("SAMPLES", NULL);
	return rc ? rc : cli_claim("--val", "/dev/stdin");
}

static int run_write(void *config, int argc, char **argv)
{
	struct config *c = config;
	(void)argc, (void)argv;
	struct vit_output *o;
	int rc = cli_output(&o, c->common.out, 0);
	if (rc)
		return rc;
	int code = vit_output_write(o, "data", 4);
	if (!code)
		return cli_fail(vit_output_commit(o, "", 0));
	vit_output_discard(o);
	return cli_fail(code);
}

static int run_bad_records(void *config, int argc, char **argv)
{
	(void)config;
	int rc = 0;
	for (uint64_t i = 1; !rc && i <= (uint64_t)atoi(argc ? argv[0] : "0"); i++)
		rc = (vit_fail(VIT_ERECORD, "<stdin>: record %d (a\033[2Jb): torn", (int)i), cli_bad_record(i));
	printf("%" PRIu64 "\n", cli_bad_count());
	return rc || argc < 2 ? rc : cli_bad_end((uint64_t)atoi(argv[1]));
}

/* Waits for input that never comes; tells when it waits. */
static int run_wait(void *config, int argc, char **argv)
{
	(void)config, (void)argc, (void)argv;
	struct vit_input *in;
	struct vit_output *o;
	const uint8_t *p;
	size_t got;
	int rc = vit_output_open(&o, ((struct config *)config)->common.out);
	if (!rc)
		rc = vit_input_open(&in, "-");
	if (rc)
		return cli_fail(rc);
	close(open("waits", O_CREAT | O_WRONLY, 0600));
	rc = vit_input_peek(in, 1, &p, &got);
	vit_input_close(in);
	if (argc && rc == VIT_EINTR)    /* stubborn: as one that finishes a long step */
		pause();
	vit_output_discard(o);
	return cli_fail(rc);
}

static int run_progress(void *config, int argc, char **argv)
{
	(void)config, (void)argc, (void)argv;
	cli_progress_owner(1);
	for (int i = 0; i < 1000; i++)
		cli_progress("step %d", i);
	cli_warn("careful");
	return 0;
}

static int run_log(void *config, int argc, char **argv)
{
	(void)config, (void)argc, (void)argv;
	return cli_fail(cli_log(json_pack("{s:s}", "event", "start"))) || cli_fail(cli_log(json_pack("{s:i}", "step", 1)));
}

/* ---- the frame ------------------------------------------------------------------ */

static char out[16384], err[16384];
static int samples_out;

static void slurp(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	buf[fread(buf, 1, size - 1, f)] = 0;
	fclose(f);
}

static pid_t start(int (*run)(void *, int, char **), const char *args, int in, int out_fd, int err_fd)
{
	static const struct cli_program frame = {
		.name = "vit-x", .summary = "try the option table", .synopsis = "vit-x [OPTION]... [WORD]...",
		.example = "vit-x --flag", .options = options, .config_size = sizeof(struct config),
	};
	struct cli_program program = frame;
	program.common = 1023 | (samples_out ? CLI_SAMPLES_OUT : 0);
	program.run = run;
	fflush(NULL);
	pid_t pid = fork();
	if (pid)
		return pid;
	char name[] = "vit-x", words[512], *argv[32] = { name };
	int argc = 1;
	strcpy(words, args);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	dup2(in, 0);
	dup2(out_fd, 1);
	dup2(err_fd, 2);
	_exit(cli_main(argc, argv, &program));
}

static int finish(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Run to the end with stdin empty; out and err hold what was said. */
static int run(int (*fn)(void *, int, char **), const char *args)
{
	int in = open("/dev/null", O_RDONLY), o = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600), e = open("err", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int status = finish(start(fn, args, in, o, e));
	close(in);
	close(o);
	close(e);
	slurp("out", out, sizeof out);
	slurp("err", err, sizeof err);
	return status;
}

static void said(const char *what)
{
	if (!strstr(err, what))
		fail_msg("stderr lacks '%s': %s", what, err);
}

static void printed(const char *what)
{
	if (!strstr(out, what))
		fail_msg("stdout lacks '%s': %s", what, out);
}

/* ---- tests ---------------------------------------------------------------------- */

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(run(run_print, ""), 0);
	assert_string_equal(out, "flag 0 choice 1 count 7 lr 0.001 init none warmup 5/2 holdout 0 shard 0/0 shuffle 0/100 {}\n");
	assert_string_equal(err, "");
}

static void every_form_of_option(void **state)
{
	(void)state;
	assert_int_equal(run(run_print, "a -fn 2k --choice=blue --lr 0.25 - --init /x/m.vit --warmup 500it --holdout 10% --shard 1/4"
			     " --where a=b --where=c --shuffle=9 -- --flag"), 0);
	assert_string_equal(out, "flag 1 choice 2 count 2000 lr 0.25 init /x/m.vit warmup 500/1 holdout 0.1 shard 1/4 shuffle 1/9"
			    " where a=b where c [a] [-] [--flag]"
			    " {\"choice\":\"blue\",\"count\":\"2000\",\"flag\":\"true\",\"init\":\"m.vit\",\"learning-rate\":\"0.25\","
			    "\"warmup\":\"500it\",\"where\":\"a=b c\"}\n");
	assert_int_equal(run(run_print, "--flag --no-flag --shuffle 5 -n3 --rate=.5 --warmup 2"), 0);
	assert_string_equal(out, "flag 0 choice 1 count 3 lr 0.5 init none warmup 2/0 holdout 0 shard 0/0 shuffle 1/100 [5]"
			    " {\"count\":\"3\",\"learning-rate\":\"0.5\",\"warmup\":\"2ep\"}\n");
	/* other words for a choice are kept as the one that help shows */
	assert_int_equal(run(run_print, "--choice bleu"), 0);
	printed("choice 2");
	printed("{\"choice\":\"blue\"}");
	assert_int_equal(run(run_print, "--choice rouge"), 0);
	printed("{\"choice\":\"red\"}");
}

static void usage_error(const char *args, const char *message)
{
	assert_int_equal(run(run_print, args), 2);
	assert_string_equal(out, "");
	said(message);
	said("try 'vit-x --help'");
}

static void mistakes_are_named(void **state)
{
	(void)state;
	usage_error("--cuont 3", "vit-x: unknown option '--cuont', did you mean '--count'?");
	usage_error("--learn 3", "unknown option '--learn', did you mean '--learning-rate'?");
	usage_error("--zzzzzzz", "unknown option '--zzzzzzz'\n");
	usage_error("-init x", "unknown option '-init', did you mean '--init'?");
	usage_error("-z", "unknown option '-z'");
	usage_error("--count 12x", "--count '12x' is not a whole number from 1 to 5000");
	usage_error("--count 0", "--count '0' is not a whole number from 1 to 5000");
	usage_error("--count 9223372036854775807G", "is not a whole number");
	usage_error("--lr nan", "--learning-rate 'nan' is not a number from 0 to 1");
	usage_error("--lr=", "--learning-rate '' is not a number");
	usage_error("--choice pink", "--choice 'pink' is not one of red|green|blue");
	usage_error("--choice gree", "is not one of");
	usage_error("--choice rou", "is not one of");
	usage_error("--choice rouge=red", "is not one of");
	usage_error("--holdout 110%", "--holdout '110%' is not a share");
	usage_error("--shard 4/4", "--shard '4/4' is not a part I/N with 0 <= I < N");
	usage_error("--warmup 5parsecs", "is not a duration such as 5ep, 500it or 5%");
	usage_error("--flag=1", "--flag takes no value");
	usage_error("--no-count", "unknown option '--no-count'");
	usage_error("--count", "--count needs a value: --count N");
	usage_error("--device gpu", "--device 'gpu' is not auto, cpu, cuda or cuda:N");
	usage_error("--memory lots", "--memory 'lots' is not a number of bytes such as 500M or 2G");
	usage_error("--max-bad 1.5", "--max-bad '1.5' is not a count such as 12 or a share such as 5%");
}

static void help_shows_every_option(void **state)
{
	(void)state;
	assert_int_equal(run(run_print, "--help"), 0);
	assert_string_equal(err, "");
	for (const struct cli_option *o = options; o->name; o++)
		printed(o->name);
	printed("usage: vit-x [OPTION]... [WORD]...");
	printed("a count (1 to 5000; default 7)");
	printed("\nnumbers:\n");
	printed("\ncommon options:\n");
	printed("example:\n  vit-x --flag");
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	assert_int_equal(run(run_print, "-h"), 0);
	printed("usage:");
	assert_int_equal(run(run_print, "--help=man"), 0);
	printed(".TH VIT-X 1");
	printed(".B \\-n, \\-\\-count\\fR \\fIN\\fR\na count (1 to 5000; default 7)\n");
	assert_int_equal(run(run_print, "--completion=bash"), 0);
	printed("complete -o default -F _vit_x vit-x");
	assert_int_equal(run(run_print, "--version"), 0);
	printed("vit-x 0.");
	printed("backends: reference");
}

static void a_recipe_lies_below_the_command_line(void **state)
{
	(void)state;
	assert_int_equal(run(run_recipe, ""), 0);
	printed("flag 1 choice 1 count 9 lr 0.5");
	printed("where a=1 where b=2 {");
	assert_int_equal(run(run_recipe, "--count 3 --no-flag --where c"), 0);
	printed("flag 0 choice 1 count 3 lr 0.5");
	printed("where c {");
	assert_int_equal(run(run_bad_recipe, ""), 2);
	said("recipe x: unknown option '--counts', did you mean '--count'?");
}

static void a_recipe_names_no_file(void **state)
{
	(void)state;
	static const struct { const char *line, *option; } row[] = {
		{ "init=a.vit", "init" }, { "output=a.vit", "output" }, { "log=a.json", "log" },
	};
	char why[80];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_int_equal(run(run_lines, row[i].line), 2);
		snprintf(why, sizeof why, "recipe x: --%s names a file, which a recipe may not do", row[i].option);
		said(why);
	}
	assert_int_equal(run(run_lines, "count=3 lr=0.5"), 0);
}

static void stdin_is_claimed_once(void **state)
{
	(void)state;
	assert_int_equal(run(run_two_claims, ""), 2);
	said("SAMPLES and --val cannot both be read from stdin");
}

static void outputs(void **state)
{
	(void)state;
	assert_int_equal(run(run_write, "-o made"), 0);
	slurp("made", out, sizeof out);
	assert_string_equal(out, "data");
	assert_int_equal(run(run_write, "-o /dev/full"), 1);
	said("vit-x: /dev/full: No space left on device");
	assert_int_equal(run(run_write, "-o nowhere/made"), 1);
	assert_int_equal(run(run_write, "-o ."), 2);
	said(".: is a directory");
}

/* Its reader is gone: no error on a samples stream, one elsewhere. */
static void a_closed_reader(void **state)
{
	(void)state;
	for (samples_out = 0; samples_out < 2; samples_out++) {
		int p[2], e = open("err", O_RDWR | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(pipe(p), 0);
		close(p[0]);
		assert_int_equal(finish(start(run_write, "", 0, p[1], e)), samples_out ? 0 : 1);
		close(p[1]);
		close(e);
		slurp("err", err, sizeof err);
		if (samples_out)
			assert_string_equal(err, "");
		else
			said("<stdout>: Broken pipe");
	}
	samples_out = 0;
}

static void bad_records(void **state)
{
	(void)state;
	assert_int_equal(run(run_bad_records, "1"), 1);
	said("vit-x: <stdin>: record 1 (a?[2Jb): torn (--max-bad leaves such records out)");
	assert_int_equal(run(run_bad_records, "3 --max-bad 3"), 0);
	assert_string_equal(out, "3\n");
	said("record 3");
	assert_int_equal(run(run_bad_records, "4 --max-bad 3"), 1);
	said("4 bad records of 4 are more than --max-bad 3");
	assert_int_equal(run(run_bad_records, "5 --max-bad 5% -q"), 0);
	assert_string_equal(err, "");
	assert_int_equal(run(run_bad_records, "6 --max-bad 5%"), 1);
	/* in the end, of all there were */
	assert_int_equal(run(run_bad_records, "5 80 --max-bad 5%"), 1);
	said("5 bad records of 80 are more than --max-bad 5%");
	assert_int_equal(run(run_bad_records, "5 81 --max-bad 5%"), 0);
	assert_int_equal(run(run_bad_records, "3 3 --max-bad 3"), 0);
	assert_int_equal(run(run_bad_records, "0 0"), 0);
}

static int count_temps(void)
{
	return WEXITSTATUS(system("exit $(ls -A | grep -c '[.]tmp$')"));
}

/* The output has no name before it is complete, so the child says when it waits. */
static void until_it_waits(void)
{
	int i = 0;
	while (i < 2000 && unlink("waits")) {
		usleep(5000);
		i++;
	}
	assert_in_range(i, 0, 1999);
	usleep(50000);
}

static void signals(void **state)
{
	(void)state;
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP };
	for (int i = 0; i < 6; i++) {
		int p[2], e = open("err", O_RDWR | O_CREAT | O_TRUNC, 0600), stubborn = i >= 3, sig = sigs[i % 3];
		assert_int_equal(pipe(p), 0);
		pid_t pid = start(run_wait, stubborn ? "-o made2 stubborn" : "-o made2", p[0], e, e);
		until_it_waits();
		assert_int_equal(kill(pid, sig), 0);
		if (stubborn) {
			usleep(100000);
			assert_int_equal(kill(pid, sig), 0);
		}
		assert_int_equal(finish(pid), stubborn ? -sig : 128 + sig);
		assert_int_equal(count_temps(), 0);
		assert_int_equal(access("made2", F_OK), -1);
		close(p[0]);
		close(p[1]);
		close(e);
		slurp("err", err, sizeof err);
		assert_string_equal(err, "");
	}
}

static void progress_and_log(void **state)
{
	(void)state;
	assert_int_equal(run(run_progress, ""), 0);
	assert_string_equal(err, "vit-x: careful\n");
	assert_int_equal(run(run_progress, "--progress always"), 0);
	assert_int_equal(strncmp(err, "step 0\n", 7), 0);
	said("vit-x: careful\n");
	assert_int_equal(run(run_progress, "-q"), 0);
	assert_string_equal(err, "");
	assert_int_equal(run(run_log, "--log events"), 0);
	assert_int_equal(run(run_log, "--log events"), 0);
	slurp("events", out, sizeof out);
	assert_string_equal(out, "{\"event\":\"start\"}\n{\"step\":1}\n{\"event\":\"start\"}\n{\"step\":1}\n");
	assert_int_equal(run(run_log, "--log /nowhere/events"), 1);
	said("--log /nowhere/events: No such file or directory");
	char buf[32];
	assert_string_equal(cli_duration(buf, 42.2), "42s");
	assert_string_equal(cli_duration(buf, 62), "1:02");
	assert_string_equal(cli_duration(buf, 3723), "1:02:03");
}

/* ---- on a terminal ------------------------------------------------------------------ */

/* Everything a child wrote to the terminal, as its driver passes it on. */
static void on_terminal(int (*fn)(void *, int, char **), const char *args, int is_in, int is_out, int status)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY), null = open("/dev/null", O_RDWR);
	struct winsize size = { .ws_row = 24, .ws_col = 20 };
	assert_int_equal(ioctl(tty, TIOCSWINSZ, &size), 0);
	assert_int_equal(finish(start(fn, args, is_in ? tty : null, is_out ? tty : null, tty)), status);
	fcntl(master, F_SETFL, O_NONBLOCK);
	ssize_t n = read(master, err, sizeof err - 1);
	err[n < 0 ? 0 : n] = 0;
	close(tty);
	close(null);
	close(master);
}

static int run_long_progress(void *config, int argc, char **argv)
{
	(void)config, (void)argc, (void)argv;
	cli_progress("\xc3\xa9poque 1, loss 2.25, img/s 1234");
	cli_error("a record\nis bad\xc2\x9b" "2J");
	return 0;
}

static int run_read(void *config, int argc, char **argv)
{
	(void)config, (void)argc, (void)argv;
	return cli_claim("SAMPLES", NULL);
}

static void terminals(void **state)
{
	(void)state;
	/* cut to the width less one, out of the way of the message, drawn again, left with a newline */
	on_terminal(run_long_progress, "", 0, 0, 0);
	assert_string_equal(err, "\r\xc3\xa9poque 1, loss 2.25\033[K\r\033[Kvit-x: a record?is bad\xc2?2J\r\n"
			    "\r\xc3\xa9poque 1, loss 2.25\033[K\r\n");
	on_terminal(run_long_progress, "--progress never", 0, 0, 0);
	assert_string_equal(err, "vit-x: a record?is bad\xc2?2J\r\n");
	on_terminal(run_long_progress, "-q", 0, 0, 0);
	assert_string_equal(err, "vit-x: a record?is bad\xc2?2J\r\n");
	on_terminal(run_write, "", 0, 1, 2);
	said("vit-x: tensor bytes are not written to a terminal");
	on_terminal(run_read, "", 1, 0, 2);
	said("vit-x: SAMPLES: no input, stdin is a terminal\r\nusage: vit-x [OPTION]... [WORD]...\r\nexample:\r\n  vit-x --flag");
}

static char dir[] = "/tmp/vit-cli-XXXXXX";

static int enter_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", dir);
	return chdir("/") || system(command);
}

static void bytes_in_words(void **state)
{
	(void)state;
	static const struct { int64_t n; const char *text; } t[] = {
		{ 0, "0 B" }, { 999, "999 B" }, { 1000, "1.0 kB" }, { 9949, "9.9 kB" }, { 9950, "10 kB" }, { 999499, "999 kB" },
		{ 999500, "1.0 MB" }, { 170052171, "170 MB" }, { 5000000000, "5.0 GB" }, { INT64_MAX, "9223372 TB" },
	};
	char buf[32];
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_string_equal(cli_bytes(buf, t[i].n), t[i].text);
}

int main(void)
{
	/* a shell that runs us in the background has them ignored, which we would inherit */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_form_of_option),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(help_shows_every_option),
		cmocka_unit_test(a_recipe_lies_below_the_command_line),
		cmocka_unit_test(a_recipe_names_no_file),
		cmocka_unit_test(stdin_is_claimed_once),
		cmocka_unit_test(outputs),
		cmocka_unit_test(a_closed_reader),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(signals),
		cmocka_unit_test(progress_and_log),
		cmocka_unit_test(terminals),
		cmocka_unit_test(bytes_in_words),
	};
	return cmocka_run_group_tests(tests, enter_dir, remove_dir);
}
