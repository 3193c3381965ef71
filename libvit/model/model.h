/* SPDX-License-Identifier: MIT
 *
 * model.h - architectures, models as graph + parameters, and the model file.
 */
#ifndef VIT_MODEL_MODEL_H
#define VIT_MODEL_MODEL_H

#include "graph/plan.h"
#include "image/image.h"
#include "stream/stream.h"

struct vit_build;

/* How images become what the model eats: timm's fields. */
struct vit_preprocess {
	int64_t input_size[3];          /* C,H,W as timm writes it */
	char interpolation[16];         /* "bicubic" */
	double crop_pct;
	char crop_mode[16];             /* "center" */
	int n_mean;
	float mean[16], std[16];
};

/* An architecture: one file model/NAME.c ends in `const struct vit_arch vit_arch_NAME`.
 * Its config travels as the JSON object meta.arch, {"type":"vit", ...}. */
struct vit_arch {
	uint32_t abi, size;
	const char *name, *help;        /* "vit" */
	/* Spec text (after "vit:") or a preset's name to a full config; `classes`
	 * and the image's H,W,C are already in `config` where they are known.
	 * VIT_EUSAGE names the key and what it may be. 1: not a name of mine. */
	int (*parse)(const char *spec, json_t *config);
	/* Check a config from a file or parse and build. Values made: input "image"
	 * u8 [B,H,W,C]; "logits" [B,K]; with `train` "label" and "loss". */
	int (*build)(struct vit_graph *, const json_t *config, const struct vit_preprocess *, const struct vit_build *);
	const char *(*presets)(int i);  /* "vit-tiny/16\tD192 L12 H3 mlp 4"; NULL ends */
};
extern const struct vit_arch *const vit_archs[];

/* What a training graph has beyond the model itself. */
struct vit_build {
	int train;                      /* add label and loss */
	int soft;                       /* label is f32 [B,K], else i32 [B] */
	double smoothing, drop, attn_drop, drop_path;
};

struct vit_model {
	const struct vit_arch *arch;
	json_t *config;                 /* meta.arch, complete */
	const char **classes;           /* n_class, NULL-terminated, or NULL: nameless */
	int n_class;
	struct vit_preprocess preprocess;
	struct vit_header header;       /* meta of the file as read or to be written, history */
	struct vit_graph graph;         /* inference graph */
	struct vit_params params;
	struct vit_arena arena;
};

/* A fresh model: `spec` "vit-lite/4" or "vit:dim=192,depth=9"; size, channels
 * and classes from the samples' meta where spec does not say. No parameters yet. */
int vit_model_new(struct vit_model *, const char *spec, const struct vit_meta *samples) VIT_MUST_CHECK;
/* Read a model stream; parameters on `dev`. Missing, unknown or misshapen
 * tensors are errors that name them. */
int vit_model_read(struct vit_model *, struct vit_input *, const struct vit_backend *, struct vit_dev *) VIT_MUST_CHECK;
/* Write header, tensors (w, or ema when use_ema) and trailer. */
int vit_model_write(const struct vit_model *, struct vit_output *, int use_ema) VIT_MUST_CHECK;
void vit_model_free(struct vit_model *);

/* What others call a class and what we do, as the user says it in a file: a line
 * "theirs<TAB>ours" or "theirs => ours" each, blanks around names are cut, lines
 * that begin with # are comments. Several of theirs may be one of ours. */
struct vit_class_file {
	const char **theirs, **ours;
	int n;
	struct vit_arena arena;
};
/* VIT_EFORMAT names the line. */
int vit_class_file_read(struct vit_class_file *, const char *path) VIT_MUST_CHECK;
void vit_class_file_release(struct vit_class_file *);

/* Where two class lists meet (contract section 3): equal gives NULL in *map;
 * another order, or a subset when `subset` is allowed, gives a malloc'd map from
 * their index to ours and *note; else VIT_EMISMATCH with the first differences.
 * `file`: their names are replaced by it first, nameless classes being "0", "1",
 * ...; NULL: none. */
int vit_classes_map(int **map, const char **note, const char *const *ours, int n_ours,
                    const char *const *theirs, int n_theirs, const struct vit_class_file *file, int subset) VIT_MUST_CHECK;

/* Memory for one image after another, one per thread; zeroed is empty. */
struct vit_preprocess_work {
	struct vit_image decoded, same, whole;  /* as the file has it; with the model's channels; resized, not yet cut */
	struct vit_buf scratch;
};
void vit_preprocess_work_release(struct vit_preprocess_work *);
/* Bring a record's image to the model's input: decode, resize, crop, as timm's
 * evaluation transform does on what Pillow decodes (an image that has the size
 * is untouched). out: u8 [H,W,C] of the model. *resized set. VIT_ERECORD. */
int vit_preprocess_record(const struct vit_preprocess *, struct vit_preprocess_work *, const struct vit_record *, uint8_t *out,
                          int *resized) VIT_MUST_CHECK;

#endif
