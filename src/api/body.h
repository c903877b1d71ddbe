/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a streaming operation as its handler reads it: aws-chunked taken off, signatures of
 * chunks and trailers and the digest of the whole verified on the way. What was read counts only
 * once read() has answered 0. */
#ifndef TOWPATH_API_BODY_H
#define TOWPATH_API_BODY_H

#include "api/protocol.h"
#include "crypto/digest.h"

#define API_BODY_MAX_TRAILERS 8

struct api_body {
	struct call_stream stream;
	struct api_request *r;
	/* Where the bytes come from: http_read() on the exchange; tests have their own. */
	ssize_t (*source)(void *arg, void *buf, size_t n, struct err *err);
	void *source_arg;
	bool chunked, chunks_signed;
	struct digest digest; /* of the whole, or of the chunk at hand */
	int64_t left;	      /* of the chunk at hand */
	int64_t delivered;
	char previous[65]; /* signature of the chunk before, or of the head */
	char claimed[65];  /* signature that the chunk at hand says it has */
	char buf[16 * 1024];
	size_t at, n; /* of buf */
	struct wire_header trailers[API_BODY_MAX_TRAILERS];
	size_t n_trailers;
	bool begun, ended;
};

/* The request is authenticated. The body must be released in any case. */
int api_body_init(struct api_body *b, struct api_request *r, struct err *err);
void api_body_release(struct api_body *b);

#endif
