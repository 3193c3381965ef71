/* SPDX-License-Identifier: MIT
 *
 * err.h - how every libvit function reports failure.
 *
 * Functions return 0, VIT_END, or one of the negative codes below and leave a
 * one-line message for the calling thread. libvit never prints and never
 * exits; only cmd/ and cli/ turn a code into an exit status.
 */
#ifndef VIT_CORE_ERR_H
#define VIT_CORE_ERR_H

#include <stdarg.h>

#if defined(__GNUC__)
#define VIT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define VIT_MUST_CHECK __attribute__((warn_unused_result))
#else
#define VIT_PRINTF(fmt, args)
#define VIT_MUST_CHECK
#endif

enum {
	VIT_OK = 0,
	VIT_END = 1,             /* a clean end: no more records, members, lines */
	VIT_EUSAGE = -1,         /* what the user asked for cannot be: exit 2 */
	VIT_ENOMEM = -2,
	VIT_EIO = -3,            /* the system refused to read or write */
	VIT_EPIPE = -4,          /* our reader is gone */
	VIT_EFORMAT = -5,        /* the stream or file is broken: nothing after this can be read */
	VIT_ERECORD = -6,        /* this record is bad, the next may be read (--max-bad) */
	VIT_EMISMATCH = -7,      /* two good inputs do not fit: classes, channels, shapes */
	VIT_EUNSUPPORTED = -8,   /* valid, but this build or device cannot */
	VIT_EDEVICE = -9,        /* a backend failed */
	VIT_EUPSTREAM = -10,     /* an earlier program of the pipe failed; the message is its own */
	VIT_EINTR = -11,         /* told to stop while waiting for input: vit_input_interrupt() */
};

/* Set this thread's message and return `code`, so that a failure is one line:
 *     return vit_fail(VIT_EFORMAT, "idx: magic %08x is not an IDX magic", m);
 * Messages: lower case, no full stop, no newline, what is wrong then what would
 * be right; at most 1,023 bytes, longer ones are cut. */
int vit_fail(int code, const char *fmt, ...) VIT_PRINTF(2, 3);

/* The same with ": " and strerror(errno) appended. Returns VIT_ENOMEM for
 * ENOMEM, VIT_EPIPE for EPIPE, else VIT_EIO. */
int vit_fail_errno(const char *fmt, ...) VIT_PRINTF(1, 2);

/* Put "context: " in front of the present message; returns `code` unchanged. */
int vit_wrap(int code, const char *fmt, ...) VIT_PRINTF(2, 3);

/* The calling thread's last message, never NULL; valid until its next failure. */
const char *vit_errmsg(void);

/* Forward an error: the only macro that hides a return. */
#define VIT_TRY(expr) do { int vit_try_rc_ = (expr); if (vit_try_rc_) return vit_try_rc_; } while (0)

#endif
