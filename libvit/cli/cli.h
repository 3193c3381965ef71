/* SPDX-License-Identifier: MIT
 *
 * cli.h - what every vit program shares: option table, help, man-page options,
 * completion, exit codes, outputs, signals, progress, log.
 *
 * The only part of the library that prints and exits. Linked into each program
 * (libcli.a), not into libvit.so.
 */
#ifndef VIT_CLI_CLI_H
#define VIT_CLI_CLI_H

#include "stream/stream.h"

#include <signal.h>

enum { CLI_DONE = 0, CLI_ERROR = 1, CLI_USAGE = 2, CLI_THRESHOLD = 3 };

/* ---- option table ---------------------------------------------------------- */

enum cli_type {
	CLI_FLAG,       /* int: 1 when given; --no-NAME gives 0 */
	CLI_INT,        /* int64_t, in min..max; suffixes k M G (powers of 1000) */
	CLI_FLOAT,      /* double, in min..max */
	CLI_STR,        /* const char * */
	CLI_CHOICE,     /* int: index into `values`, "auto|always|never" */
	CLI_BYTES,      /* int64_t; suffixes K M G T (powers of 1024) */
	CLI_SHARE,      /* struct cli_share: "12" or "5%" */
	CLI_SPAN,       /* struct cli_span: "5ep" "500it" "5%"; bare: epochs */
	CLI_FRACTION,   /* double 0..1: "0.1" or "10%" */
	CLI_PART,       /* struct cli_part: "I/N", 0 <= I < N */
	CLI_PLACE,      /* struct cli_place: "E" or "E:R", both from 0 */
	CLI_LIST,       /* struct cli_list: may be given again and again */
	CLI_OPTINT,     /* struct cli_optint: value attached and optional, --shuffle or --shuffle=10000 */
	CLI_OPTCHOICE,  /* int: like CLI_CHOICE with the value attached and optional: 0 not given, else index + 1 */
};
struct cli_share { double value; int percent; };
struct cli_span { double value; int unit; };            /* unit: CLI_EPOCHS.. */
enum { CLI_EPOCHS, CLI_STEPS, CLI_PERCENT_OF_RUN };
struct cli_part { int64_t i, n; };                      /* n 0: not given */
struct cli_place { int64_t epoch, record; };
struct cli_list { const char **v; int n; };             /* v NULL-terminated */
struct cli_optint { int given; int64_t value; };        /* value: def when only the name was given */

enum {                          /* struct cli_option.flags */
	CLI_RESULT = 1,         /* the value changes the result: recorded in history and checked on resume */
	CLI_HIDDEN = 2,
	CLI_FILE = 4,           /* names a file: not for recipes, which come from others */
};
struct cli_option {
	const char *name;       /* long name without dashes; NULL ends the table */
	char letter;            /* 0: none */
	const char *alias;      /* "wd,decay": further long names, not shown in help; NULL */
	enum cli_type type;
	size_t offset;          /* into the program's config struct */
	const char *def;        /* default as text; NULL: zero, "not given" */
	double min, max;        /* both 0: any; max below min: no upper limit */
	const char *values;     /* CLI_CHOICE */
	const char *synonyms;   /* CLI_CHOICE: "bfloat16=bf16|half=fp16", taken but not shown; NULL */
	const char *arg;        /* "FILE" in help */
	const char *help;       /* one line, no full stop */
	int flags;
	const char *group;      /* starts a new heading in help with this row; NULL: goes on */
};

/* Options every program has, at the start of its config struct. */
struct cli_common {
	int64_t threads;        /* -j; 0 is replaced by what the process may use */
	int64_t seed;           /* default 0 */
	const char *device;     /* auto */
	int amp;                /* enum vit_amp */
	int deterministic;
	int64_t memory;         /* bytes; 0 is replaced by a quarter of what the process may use */
	int64_t limit;          /* -1 */
	struct cli_share max_bad;
	int progress;           /* 0 auto 1 always 2 never */
	const char *log;        /* JSON lines; NULL */
	const char *out;        /* -o; NULL: stdout */
	int quiet, verbose;
	int64_t max_record;
};
/* Which of them a program shows and takes. */
enum {
	CLI_USE_THREADS = 1, CLI_USE_SEED = 2, CLI_USE_DEVICE = 4, CLI_USE_MEMORY = 8, CLI_USE_LIMIT = 16,
	CLI_USE_MAX_BAD = 32, CLI_USE_PROGRESS = 64, CLI_USE_LOG = 128, CLI_USE_OUT = 256, CLI_USE_MAX_RECORD = 512, CLI_USE_AMP = 2048,
	/* not an option: stdout is a samples stream, whose reader may leave (VIT_EPIPE is exit 0) */
	CLI_SAMPLES_OUT = 1024,
};

struct cli_program {
	const char *name;               /* "vit-fetch" */
	const char *summary;            /* "read samples from data sets, archives, directories" */
	const char *synopsis;           /* "vit-fetch [OPTION]... SOURCE..." */
	const char *example;            /* shown by --help */
	const char *arguments;          /* help text on the operands, wrapped here; empty or indented lines break; may be NULL */
	const struct cli_option *options;
	int common;                     /* CLI_USE_... */
	size_t config_size;             /* struct that begins with struct cli_common */
	/* Operands in argv[0..argc-1], NULL after the last. Returns an exit status; errors are said with
	 * cli_error or cli_fail. Called with outputs not yet opened. */
	int (*run)(void *config, int argc, char **argv);
};
/* The whole of main(): descriptors, signals, parsing, --help, --version, run(),
 * closing stdout, removing temporaries, exit status. No setlocale(): numbers are
 * read and written as in "C". */
int cli_main(int argc, char **argv, const struct cli_program *);

/* Was this option given on the command line (or by a recipe, cli_apply)? */
int cli_given(const char *name);
/* Apply "name value" or "--name=value" lines from a recipe, below the command
 * line's own; `where` names the recipe in messages. CLI_FILE options are usage
 * errors. Returns 0 or exit status. */
int cli_apply(const char *where, char *const *lines);
/* {name: value} of CLI_RESULT options that differ from their defaults, values as
 * canonical text; files as base name. For history and resume. */
json_t *cli_options_json(void);

/* ---- messages -------------------------------------------------------------- */

/* "vit-fetch: ..." on stderr, below a live progress line. */
void cli_error(const char *fmt, ...) VIT_PRINTF(1, 2);
void cli_warn(const char *fmt, ...) VIT_PRINTF(1, 2);        /* silent with -q */
void cli_note(const char *fmt, ...) VIT_PRINTF(1, 2);        /* silent with -q */
void cli_verbose(const char *fmt, ...) VIT_PRINTF(1, 2);     /* only with -v */
/* Say vit_errmsg() and give the exit status for a libvit code: 2 for
 * VIT_EUSAGE, 0 and silence for VIT_EPIPE with CLI_SAMPLES_OUT, else 1. Once a
 * signal came it is 128+N for every code (0 too), and only VIT_EIO and
 * VIT_ENOMEM are said. Without a signal cli_fail(0) is 0. */
int cli_fail(int code);
/* Usage error: message, then "try 'vit-fetch --help'"; returns 2.
 * Control characters in any message are shown as '?': names come from data. */
int cli_usage(const char *fmt, ...) VIT_PRINTF(1, 2);

/* ---- inputs and outputs ------------------------------------------------------ */

/* Claim stdin for an input; a second claim is a usage error naming both.
 * `what` is "--val" or "SAMPLES". A terminal is refused with synopsis and
 * example. Every path goes through here, "-" or not; NULL is stdin. Returns 0
 * or exit status. */
int cli_claim(const char *what, const char *path);
/* Open `path` (common.out: NULL is stdout) for data; a terminal is refused for
 * tensor bytes unless `text`. 0 or exit status. The output is the program's:
 * vit_output_commit() or vit_output_discard() it. What is still open at exit is
 * removed. */
int cli_output(struct vit_output **, const char *path, int text);

/* ---- signals ---------------------------------------------------------------- */

/* 0, or the number of SIGINT, SIGTERM or SIGHUP once it came. Programs look
 * between records or steps, finish, and return cli_fail(). The second one
 * removes temporaries and kills. */
extern volatile sig_atomic_t cli_signal;

/* ---- bad records -------------------------------------------------------------- */

/* Say one bad record (vit_errmsg) once and count it. 0: go on; else the exit
 * status because --max-bad is used up. `total`: records seen so far. A share
 * counts from at least 100 records, so that the first one may be bad. */
int cli_bad_record(uint64_t total);
uint64_t cli_bad_count(void);
/* At the end of the input, before a result is kept: 0, or the exit status because
 * the share of all `total` records is above --max-bad after all, said and left
 * as vit_errmsg. */
int cli_bad_end(uint64_t total);

/* ---- progress and log ----------------------------------------------------------- */

/* One live line on stderr, at most ten times a second, only when wanted:
 * always; or auto with stderr a terminal and (`owner` or stdout no pipe). Not on
 * a terminal (always, 2>file) it is a line of its own once a second. Fields are
 * parted by two spaces: of those that a narrow terminal has no room for, the
 * last are left out. */
void cli_progress(const char *fmt, ...) VIT_PRINTF(1, 2);
int cli_progress_wanted(void);  /* is there someone who watches? */
int cli_progress_due(void);     /* would a line be drawn now? spares the formatting */
int cli_progress_owner(int owner);      /* what it was before */
void cli_progress_end(void);    /* leave or clear the line */
/* For struct vit_fetch_opt.progress: a live line with bytes, rate and time left, in a
 * pipeline too; where nobody watches, each thing that happens is said once. */
int cli_download(void *ctx, const char *what, int64_t done, int64_t total);
char *cli_bytes(char buf[32], int64_t n);            /* "512 B", "5.1 kB", "170 MB" */
/* Append one JSON object as a line to --log; no-op without it. Steals `obj`.
 * 0 or a VIT_ code. */
int cli_log(json_t *obj);
double cli_now(void);           /* seconds, monotonic */
char *cli_duration(char buf[32], double seconds);    /* "1:02:03", "42s" */

#endif
