# SPDX-License-Identifier: MIT
#
# photos.mk - a folder of photos to a model, its report and predictions:
#
#   make -f pipelines/photos.mk PHOTOS=~/birds
#
# PHOTOS   class folders (birds/ants/1.jpg), with or without train/ val/ test/;
#          a zip of such (where it has a val/, say HOLDOUT=); unpack other archives
# OUT      where results go; `rm -r` it to begin anew
# HOLDOUT  share of the photos kept for validation, where there is no val/
# EPOCHS   passes over the photos; more for fewer photos
# MODEL    the kind of model: from scratch, small enough for minutes on two cores
# SIZE     pixels that it sees, SIZE x SIZE; AUGMENT: what training does to a photo
#
# Every result is a file target: a second run does nothing, an interrupted one
# goes on from its checkpoint.

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all summary

# a shell may leave ~ as it is behind PHOTOS=
override PHOTOS := $(patsubst ~/%,$(HOME)/%,$(PHOTOS))
ifeq ($(PHOTOS),)
$(error name a folder of class folders: make -f pipelines/photos.mk PHOTOS=~/birds)
endif

BUILD   ?= build
OUT     ?= photos-out
EPOCHS  ?= 60
SIZE    ?= 64
MODEL   ?= vit:image=$(SIZE),patch=8,dim=128,depth=4,heads=4,mlp=2,init=fan_in
AUGMENT ?= random-resized-crop:size=$(SIZE),scale=0.4/1 hflip
# the name as the shell wants it; $(wildcard) would take one with blanks for several
photos  := '$(subst ','\'',$(PHOTOS))'
has      = $(shell test -d $(photos)/$(1) && echo $(1))
HOLDOUT ?= $(if $(call has,val),,20%)
export PATH := $(abspath $(BUILD))/bin:$(PATH)

CUT  := $(if $(HOLDOUT),--holdout $(HOLDOUT))
# scored once, on photos that training has not seen: test/ where there is one
TEST := $(if $(call has,test),--split test,--split val $(CUT))

all: summary

# Batches small enough that a few hundred photos make many steps.
$(OUT)/model.vit:
	@mkdir -p '$(OUT)'
	@[[ -e $(OUT)/run.ckpt.vit ]] || rm -f $(OUT)/train.jsonl
	vit-fetch $(photos) $(CUT) --epochs $(EPOCHS) --shuffle | \
	  vit-augment $(AUGMENT) | \
	  vit-train --model $(MODEL) --batch-size 16 --lr 5e-4 --clip-grad 1 --val $(photos)@val $(CUT) \
	    --checkpoint $(OUT)/run.ckpt.vit --resume --log $(OUT)/train.jsonl -o $@

$(OUT)/report.txt: $(OUT)/model.vit
	vit-fetch $(photos) $(TEST) | vit-eval $< - --confusion $(OUT)/confusion.png -o $@

$(OUT)/confusion.png: $(OUT)/report.txt ;

$(OUT)/report.json: $(OUT)/model.vit
	vit-fetch $(photos) $(TEST) | vit-eval $< - --report json -o $@

$(OUT)/predictions.tsv: $(OUT)/model.vit
	vit-fetch $(photos) $(TEST) | vit-eval $< - --predict -o $@

$(OUT)/curve.png: $(OUT)/model.vit
	vit-show $(OUT)/train.jsonl --curve $@ -o $(OUT)/curve.txt

$(OUT)/curve.txt: $(OUT)/curve.png ;

# Looked at first: what is wrong with the photos is seen before training.
$(OUT)/sheet.png:
	@mkdir -p '$(OUT)'
	vit-fetch $(photos) $(CUT) --limit 64 | vit-show --grid 8x8 -o $@

# One number of a JSON file written one key a line, or of a log's last line.
number = sed -n 's/.*"$(1)": *\([-0-9.e]*\).*/\1/p' $(2) | tail -n 1

summary: $(OUT)/sheet.png $(OUT)/model.vit $(OUT)/report.txt $(OUT)/report.json $(OUT)/confusion.png $(OUT)/predictions.tsv $(OUT)/curve.png $(OUT)/curve.txt
	@cat $(OUT)/report.txt
	@echo
	@printf '%-12s %s\n' \
	  model '$(MODEL)' \
	  top-1 "$$(printf '%.2f %%' $$($(call number,top1,$(OUT)/report.json))) of $$($(call number,count,$(OUT)/report.json)) photos not trained on" \
	  training "$$(printf '%.0f s, %d epochs' $$($(call number,seconds,$(OUT)/train.jsonl)) $(EPOCHS))" \
	  ask 'vit-eval $(OUT)/model.vit photo.jpg' \
	  results '$(OUT)/: sheet.png report.txt report.json confusion.png predictions.tsv curve.png curve.txt model.vit'
