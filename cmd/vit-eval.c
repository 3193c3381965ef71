/* SPDX-License-Identifier: MIT
 *
 * vit-eval.c - a model and samples to a report or to predictions. The parts are
 * in cmd/eval.
 */
#include "eval/command.h"

#define AT(field) offsetof(struct eval_config, field)

static const struct cli_option options[] = {
	{ .name = "predict", .type = CLI_OPTCHOICE, .offset = AT(predict), .values = "text|json",
	  .help = "a line for each sample: id, then class and probability of the --top best; without labels there is no choice" },
	{ .name = "top", .type = CLI_INT, .offset = AT(top), .def = "5", .min = 1, .max = 1e6, .arg = "K", .help = "classes of a prediction" },
	{ .name = "report", .type = CLI_CHOICE, .offset = AT(report), .def = "text", .values = "text|json",
	  .help = "form of the report, or of predictions" },
	{ .name = "confusion", .type = CLI_STR, .offset = AT(confusion), .arg = "FILE",
	  .help = "write the matrix of true and predicted classes here: a picture if FILE ends in .png, else JSON" },
	{ .name = "class-map", .type = CLI_STR, .offset = AT(class_map), .arg = "FILE",
	  .help = "what the samples call the model's classes: lines 'theirs => ours', or with a tab between" },
	{ .name = "holdout", .type = CLI_FRACTION, .offset = AT(holdout), .def = "0", .min = 0, .max = 1, .arg = "SHARE",
	  .help = "share that was held out of the training split: SOURCE is its val, or SOURCE@train the rest" },
	{ .name = "min-top1", .type = CLI_FRACTION, .offset = AT(min_top1), .def = "0", .min = 0, .max = 1, .arg = "SHARE",
	  .help = "exit 3 below this share of right answers; -o FILE becomes FILE.rejected" },
	{ .name = "batch-size", .letter = 'b', .alias = "batch", .type = CLI_INT, .offset = AT(batch), .def = "64", .min = 1, .max = 1e6, .arg = "N",
	  .help = "samples computed at once" },
	{ .name = NULL },
};

static int run(void *config, int argc, char **argv)
{
	struct eval e = { .cfg = config };
	int status = eval_open(&e, argc, argv);
	if (!status)
		status = eval_run(&e);
	eval_close(&e);
	return status;
}

int main(int argc, char **argv)
{
	static const struct cli_program program = {
		.name = "vit-eval",
		.summary = "score a model on labelled samples, or predict",
		.synopsis = "vit-eval [OPTION]... MODEL [SAMPLES|IMAGE|SOURCE]...",
		.example = "  vit-eval birds.vit photo.jpg\n  vit-fetch fashion-mnist --split test | vit-eval model.vit -\n",
		.arguments = "Operands are told apart by their content: a model, a stream of samples, photos, and whatever else vit-fetch "
			     "reads (directories, archives, data sets; SOURCE@SPLIT); what is not named is stdin. Of a SOURCE with splits, test "
			     "is taken, else val, else all. Samples with labels are scored, those without give predictions.\n"
			     "Shares in reports are percent.\n",
		.options = options,
		.common = CLI_USE_THREADS | CLI_USE_DEVICE | CLI_USE_AMP | CLI_USE_LIMIT | CLI_USE_MAX_BAD | CLI_USE_PROGRESS | CLI_USE_OUT |
			  CLI_USE_MAX_RECORD,
		.config_size = sizeof(struct eval_config),
		.run = run,
	};
	return cli_main(argc, argv, &program);
}
