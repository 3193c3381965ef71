/* SPDX-License-Identifier: MIT
 *
 * Tables of images: rows and fields, columns, splits, labels, and lines that are
 * wrong.
 */
#include "format/csv_row.h"
#include "format/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

/* ---- rows ---------------------------------------------------------------------------- */

/* All rows as "line:field|field" in memory of exactly their length. */
static void rows(const char *text, size_t n, const char *want)
{
	struct vit_csv c;
	struct vit_buf buf = { 0 };
	char got[512] = "";
	char *exact = malloc(n + !n);
	assert_non_null(exact);
	memcpy(exact, text, n);
	int rc = vit_csv_open(&c, exact, n);
	while (!rc && !(rc = vit_csv_next(&c))) {
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d:", *got ? " " : "", (int)c.row_line);
		for (int i = 0; i < c.n; i++) {
			const char *p;
			size_t k;
			assert_int_equal(vit_csv_text(&c, i, &buf, &p, &k), 0);
			snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? "|" : "", (int)k, p);
		}
	}
	if (rc != VIT_END)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", *got ? " " : "", vit_errmsg());
	assert_string_equal(got, want);
	vit_buf_release(&buf);
	free(exact);
}
#define ROWS(text, want) rows(text, sizeof(text) - 1, want)

static void rows_and_fields(void **state)
{
	(void)state;
	ROWS("", "");
	ROWS("\n\r\n", "");
	ROWS("a", "1:a");
	ROWS("a,b\n", "1:a|b");
	ROWS("a,b\r\nc,d\r\n", "1:a|b 2:c|d");
	ROWS("\xef\xbb\xbf" "a,b", "1:a|b");
	ROWS("a, b ,c\n\n,\n", "1:a|b|c 3:|");
	ROWS("a\tb,c\td", "1:a|b,c|d");
	ROWS("a;b;c,d", "1:a|b|c,d");
	ROWS("\"a;b\",c", "1:a;b|c");
	ROWS("\"a\"\"b\"\"\",\"\"\n\"x\ny\" ,z\nw,v", "1:a\"b\"| 2:x\ny|z 4:w|v");
	ROWS("a\"b,c", "1:a\"b|c");
	ROWS("a\rb,c", "1:a\rb|c");
	ROWS("a\n\"b", "1:a line 2: a quote is opened and not closed");
	ROWS("\"a\nb\"c,d", "line 2: text behind a closing quote; a quote inside a field is written twice");
	ROWS("a\nb\0c", "1:a line 2: is no text");
	ROWS("\xff\xfe" "a", "is UTF-16; save it as UTF-8");
}

static void many_fields(void **state)
{
	(void)state;
	char text[2 * VIT_CSV_FIELDS + 2];
	struct vit_csv c;
	memset(text, ',', sizeof text);
	assert_int_equal(vit_csv_open(&c, text, VIT_CSV_FIELDS - 1), 0);
	assert_int_equal(vit_csv_next(&c), 0);
	assert_int_equal(c.n, VIT_CSV_FIELDS);
	assert_int_equal(vit_csv_open(&c, text, VIT_CSV_FIELDS), 0);
	assert_int_equal(vit_csv_next(&c), VIT_EFORMAT);
}

/* ---- as a source ---------------------------------------------------------------------- */

static void put(const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int fresh(void **state)
{
	(void)state;
	char path[80];
	strcpy(dir, "/tmp/vit-csv-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/im", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (char name[] = "im/0.ppm"; name[3] < '4'; name[3]++)
		put(name, "P6 1 1 255 abc");
	return 0;
}

static int clean(void **state)
{
	(void)state;
	char cmd[96];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

static int try_open(struct vit_fetch **f, struct vit_fetch_opt o, const char *a, const char *b)
{
	char one[160], two[160];
	snprintf(one, sizeof one, "%s/%s", dir, a);
	snprintf(two, sizeof two, "%s/%s", dir, b ? b : "");
	const char *source[] = { one, b ? two : NULL, NULL };
	o.limit = -1;
	o.epochs = 1;
	o.source_order = 1;
	return vit_fetch_open(f, source, &o);
}

/* "id:label ..." of a split, behind the classes. */
static void reads(const char *split, const char *a, const char *b, const char *want)
{
	struct vit_fetch *f;
	struct vit_record r;
	char got[512];
	int rc;
	if (try_open(&f, (struct vit_fetch_opt){ .split = split }, a, b))
		fail_msg("%s", vit_errmsg());
	char *classes = json_dumps(json_object_get(vit_fetch_header(f)->meta, "classes"), JSON_COMPACT | JSON_ENCODE_ANY);
	snprintf(got, sizeof got, "%s", classes);
	free(classes);
	while (!(rc = vit_fetch_next(f, &r)) || rc == VIT_ERECORD) {
		size_t n = strlen(got);
		if (rc)
			snprintf(got + n, sizeof got - n, " [%s]", vit_errmsg());
		else
			snprintf(got + n, sizeof got - n, " %.*s:%d", (int)r.id.n, r.id.p, r.label_kind == VIT_LABEL_NONE ? -1 : (int)r.label);
		if (!rc)
			assert_memory_equal(r.type.p, "pnm", r.type.n);
	}
	vit_fetch_close(f);
	assert_int_equal(rc, VIT_END);
	assert_string_equal(got, want);
}

static void refused(const char *text, const char *words)
{
	struct vit_fetch *f;
	put("t.csv", text);
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ 0 }, "t.csv", NULL), VIT_EFORMAT);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
}

static void columns(void **state)
{
	(void)state;
	put("t.csv", "im/1.ppm,0\nim/0.ppm,3\n");
	reads(NULL, "t.csv", NULL, "4 im/1.ppm:0 im/0.ppm:3");
	put("t.csv", "\xef\xbb\xbf" "Id;Category;FileName\r\n7;\"b;c\";im/0.ppm\r\n8;a;im/1.ppm\r\n9;;\"im/2.ppm\"\r\n");
	reads(NULL, "t.csv", NULL, "[\"a\",\"b;c\"] im/0.ppm:1 im/1.ppm:0 im/2.ppm:-1");
	put("t.tsv", "path\nim/0.ppm\n");
	reads(NULL, "t.tsv", NULL, "null im/0.ppm:-1");
	/* the file's name counts more than the image's number */
	put("t.csv", "image,file,class,label\n5,im/0.ppm,9,2\n");
	reads(NULL, "t.csv", NULL, "3 im/0.ppm:2");
	put("im/t.csv", "path,label\n0.ppm,1\n../im/1.ppm,1\n");
	reads(NULL, "im/t.csv", NULL, "2 0.ppm:1 ../im/1.ppm:1");
}

static void labels(void **state)
{
	(void)state;
	put("t.csv", "path,label\nim/0.ppm,10\nim/1.ppm,9\nim/2.ppm,x\n");
	reads(NULL, "t.csv", NULL, "[\"10\",\"9\",\"x\"] im/0.ppm:0 im/1.ppm:1 im/2.ppm:2");
	/* a leading zero is part of a name */
	put("t.csv", "path,label\nim/0.ppm,01\nim/1.ppm,1\n");
	reads(NULL, "t.csv", NULL, "[\"01\",\"1\"] im/0.ppm:0 im/1.ppm:1");
	put("t.csv", "path,label\nim/0.ppm,2\nim/1.ppm,-1\nim/2.ppm,99999999\n");
	reads(NULL, "t.csv", NULL, "3 im/0.ppm:2 [t.csv: line 3: label -1 is no class number; these are 0 to 1048575] "
	      "[t.csv: line 4: label 99999999 is no class number; these are 0 to 1048575]");
}

static void splits(void **state)
{
	(void)state;
	struct vit_fetch *f;
	put("t.csv", "path,label,split\nim/0.ppm,a,train\nim/1.ppm,b,Validation\nim/2.ppm,c,extra\nim/3.ppm,a,\n");
	reads("train", "t.csv", NULL, "[\"a\",\"b\",\"c\"] im/0.ppm:0");
	reads("val", "t.csv", NULL, "[\"a\",\"b\",\"c\"] im/1.ppm:1");
	reads("extra", "t.csv", NULL, "[\"a\",\"b\",\"c\"] im/2.ppm:2");
	reads("all", "t.csv", NULL, "[\"a\",\"b\",\"c\"] im/0.ppm:0 im/1.ppm:1 im/2.ppm:2 im/3.ppm:0");
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ .split = "test" }, "t.csv", NULL), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "it has: train val extra"));
	/* one table alone is whatever is asked for, two are what their names say */
	put("train.csv", "path,label\nim/0.ppm,b\n");
	put("test.csv", "path,label\nim/1.ppm,a\n");
	reads("val", "train.csv", NULL, "[\"b\"] im/0.ppm:0");
	reads("train", "test.csv", "train.csv", "[\"a\",\"b\"] im/0.ppm:1");
	reads("test", "test.csv", "train.csv", "[\"a\",\"b\"] im/1.ppm:0");
}

static void missing_files(void **state)
{
	(void)state;
	put("t.csv", "path,label\n\nim/0.ppm,0\nim/no.ppm,1\n,2\nim,2\nt.csv,2\n");
	char want[512];
	snprintf(want, sizeof want, "3 im/0.ppm:0 [t.csv: line 4: %s/im/no.ppm: No such file or directory] [t.csv: line 5: no path] "
	         "[t.csv: line 6: %s/im: is no file] [t.csv: line 7: %s/t.csv: t.csv: is text, no image that can be read]", dir, dir, dir);
	reads(NULL, "t.csv", NULL, want);
	put("t.csv", "photo,kind\nim/0.ppm,0\n");
	snprintf(want, sizeof want, "[\"0\",\"kind\"] [t.csv: line 1: %s/photo: No such file or directory; where this row names the columns, "
	         "they are path and label] im/0.ppm:0", dir);
	reads(NULL, "t.csv", NULL, want);
}

static void broken_tables(void **state)
{
	(void)state;
	refused("path,label\nim/0.ppm,0\nim/1.ppm,a,b\n", "t.csv: line 3: 3 fields where the first row has 2; one with a comma in it is quoted");
	refused("path,label\nim/0.ppm,0\n\"im/1.ppm,1\n", "t.csv: line 3: a quote is opened");
	refused("im/0.ppm,0,0\n", "name the 3 columns in the first row");
	refused("path,label\n", "no rows");
	refused("path,split\nim/0.ppm,a b\n", "t.csv: line 2: \"a b\" is no name of a split");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_fields),
		cmocka_unit_test(many_fields),
		cmocka_unit_test_setup_teardown(columns, fresh, clean),
		cmocka_unit_test_setup_teardown(labels, fresh, clean),
		cmocka_unit_test_setup_teardown(splits, fresh, clean),
		cmocka_unit_test_setup_teardown(missing_files, fresh, clean),
		cmocka_unit_test_setup_teardown(broken_tables, fresh, clean),
	};
	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
