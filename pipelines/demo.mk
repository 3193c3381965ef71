# SPDX-License-Identifier: MIT
#
# demo.mk - real Fashion-MNIST images to a trained ViT and its report, in
# minutes on two cores. `make demo` runs this with the programs on PATH; on its
# own: make -f pipelines/demo.mk BUILD=build
#
# Every result is a file target: a second run does nothing, an interrupted one
# goes on from its checkpoint. `rm -r build/demo` begins anew.
# The number of epochs is fixed, so the result does not depend on the load.

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all summary

BUILD  ?= build
D      ?= $(BUILD)/demo
export PATH := $(abspath $(BUILD))/bin:$(PATH)

DATA   := fashion-mnist
FETCH  :=                 # more options of the training fetch, for a smaller run
EPOCHS := 10
MODEL  := vit:patch=7,dim=128,depth=4,heads=4,mlp=2,init=fan_in

all: summary

# A tenth of the training split is held out for validation; the test images are
# looked at once, by the report.
$(D)/model.vit:
	@mkdir -p $(D)
	@[[ -e $(D)/run.ckpt.vit ]] || rm -f $(D)/train.jsonl
	vit-fetch $(DATA) --holdout 10% --epochs $(EPOCHS) --shuffle $(FETCH) | \
	  vit-augment --recipe fashion | \
	  vit-train --recipe fashion --model $(MODEL) --val $(DATA)@val --holdout 10% \
	    --checkpoint $(D)/run.ckpt.vit --every 100it --resume --log $(D)/train.jsonl -o $@

$(D)/report.json: $(D)/model.vit
	vit-fetch $(DATA) --split test | vit-eval $< - --report json --confusion $(D)/confusion.json -o $@

$(D)/report.txt: $(D)/model.vit
	vit-fetch $(DATA) --split test | vit-eval $< - --confusion $(D)/confusion.png -o $@

$(D)/sheet.png: $(D)/model.vit
	vit-fetch $(DATA) --limit 40 | vit-augment --recipe fashion | vit-show --grid 4x10 -o $@

$(D)/curve.png: $(D)/model.vit
	vit-show $(D)/train.jsonl --curve $@ -o $(D)/curve.txt

$(D)/curve.txt: $(D)/curve.png ;

# One number of a JSON file written one key a line, or of a log's last line.
number = sed -n 's/.*"$(1)": *\([-0-9.e]*\).*/\1/p' $(2) | tail -n 1

summary: $(D)/report.json $(D)/report.txt $(D)/curve.png $(D)/curve.txt $(D)/sheet.png
	@cat $(D)/curve.txt
	@echo
	@printf '%-12s %s\n' \
	  model '$(MODEL)' \
	  images "$$($(call number,count,$(D)/report.json)) of $(DATA), split test" \
	  top-1 "$$(printf '%.2f %%' $$($(call number,top1,$(D)/report.json)))" \
	  training "$$(printf '%.0f s, %d epochs' $$($(call number,seconds,$(D)/train.jsonl)) $(EPOCHS))" \
	  results '$(D)/: report.txt report.json confusion.json confusion.png curve.txt curve.png sheet.png model.vit'
