/* SPDX-License-Identifier: MIT */
#include "core/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

int vit_fail(int code, const char *fmt, ...)
{
	/* formatted aside: an argument may be vit_errmsg() itself */
	char text[sizeof message];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(message, text, sizeof message);
	return code;
}

int vit_fail_errno(const char *fmt, ...)
{
	int e = errno;
	char text[sizeof message];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	int code = e == ENOMEM ? VIT_ENOMEM : e == EPIPE ? VIT_EPIPE : VIT_EIO;
	return vit_fail(code, "%s: %s", text, strerror(e));
}

int vit_wrap(int code, const char *fmt, ...)
{
	char context[sizeof message];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	return vit_fail(code, "%s: %s", context, message);
}

const char *vit_errmsg(void)
{
	return message;
}
