/* SPDX-License-Identifier: MIT
 *
 * webp.c - WebP by libwebp: lossy, lossless, the first picture of an animation.
 */
#include "codec/shared.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static int open_file(WebPDemuxer **demux, const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	WebPDemuxState state;
	/* the partial parser says why; the plain one only that it would not */
	*demux = WebPDemuxPartial(&(WebPData){ p, n }, &state);
	if (*demux && state == WEBP_DEMUX_DONE) {
		*h = WebPDemuxGetI(*demux, WEBP_FF_CANVAS_HEIGHT);
		*w = WebPDemuxGetI(*demux, WEBP_FF_CANVAS_WIDTH);
		return 0;
	}
	WebPDemuxDelete(*demux);
	*demux = NULL;
	return vit_fail(VIT_ERECORD, state == WEBP_DEMUX_PARSE_ERROR ? "webp: damaged" : "webp: the file ends early, after %zu bytes", n);
}

static int orientation(WebPDemuxer *demux)
{
	WebPChunkIterator it;
	int o = 0;
	if (WebPDemuxGetChunk(demux, "EXIF", 1, &it)) {
		/* some writers keep JPEG's prefix */
		size_t skip = it.chunk.size > 6 && !memcmp(it.chunk.bytes, "Exif\0", 6) ? 6 : 0;
		o = codec_exif_orientation(it.chunk.bytes + skip, it.chunk.size - skip);
	}
	WebPDemuxReleaseChunkIterator(&it);
	if (!o && WebPDemuxGetChunk(demux, "XMP ", 1, &it))
		o = codec_xmp_orientation(it.chunk.bytes, it.chunk.size);
	WebPDemuxReleaseChunkIterator(&it);
	return o ? o : 1;
}

static int webp_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	WebPDemuxer *demux;
	VIT_TRY(open_file(&demux, p, n, h, w));
	codec_upright_size(orientation(demux), h, w);
	WebPDemuxDelete(demux);
	return 0;
}

static const char *reason(VP8StatusCode status)
{
	switch (status) {
	case VP8_STATUS_NOT_ENOUGH_DATA:
	case VP8_STATUS_SUSPENDED:
		return "its data end early";
	case VP8_STATUS_UNSUPPORTED_FEATURE:
		return "it uses a feature that libwebp does not know";
	default:
		return "its data are damaged";
	}
}

/* A picture of an animation may be smaller than the canvas, which is black. */
static int read_frame(struct vit_image *out, const WebPIterator *it)
{
	WebPDecoderConfig config;
	if (!WebPInitDecoderConfig(&config))
		return vit_fail(VIT_EUNSUPPORTED, "webp: libwebp is of another version than the one this build knows");
	if (it->x_offset < 0 || it->y_offset < 0 || it->width > out->w - it->x_offset || it->height > out->h - it->y_offset)
		return vit_fail(VIT_ERECORD, "webp: damaged: its first picture lies outside");
	if (it->width != out->w || it->height != out->h)
		memset(out->p, 0, (size_t)(out->h * out->w * 3));
	int64_t at = (it->y_offset * out->w + it->x_offset) * 3;
	config.output.colorspace = MODE_RGB;
	config.output.is_external_memory = 1;
	config.output.u.RGBA.rgba = out->p + at;
	config.output.u.RGBA.stride = (int)(out->w * 3);
	config.output.u.RGBA.size = (size_t)(out->h * out->w * 3 - at);
	VP8StatusCode status = WebPDecode(it->fragment.bytes, it->fragment.size, &config);
	WebPFreeDecBuffer(&config.output);
	if (status == VP8_STATUS_OUT_OF_MEMORY)
		return vit_fail(VIT_ENOMEM, "webp: out of memory");
	return status == VP8_STATUS_OK ? 0 : vit_fail(VIT_ERECORD, "webp: %s", reason(status));
}

static int webp_decode(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o)
{
	WebPDemuxer *demux;
	WebPIterator it = { 0 };
	int64_t h, w;
	int rc;
	VIT_TRY(open_file(&demux, p, n, &h, &w));
	if (!WebPDemuxGetFrame(demux, 1, &it) || !it.complete)
		rc = vit_fail(VIT_ERECORD, "webp: damaged: it has no picture");
	else if (!(rc = vit_image_reserve(out, h, w, 3)) && !(rc = read_frame(out, &it)))
		rc = codec_finish(out, o, orientation(demux));
	WebPDemuxReleaseIterator(&it);
	WebPDemuxDelete(demux);
	return rc;
}

const struct vit_codec vit_codec_webp = {
	.name = "webp",
	.size = webp_size,
	.decode = webp_decode,
};
