/* SPDX-License-Identifier: Apache-2.0 */
/* What an upload of a blob is made of; for image_upload.c and the API's parts. */
#ifndef TOWPATH_ARTIFACT_IMAGE_UPLOAD_H
#define TOWPATH_ARTIFACT_IMAGE_UPLOAD_H

#include "artifact/image_internal.h"
#include "crypto/digest.h"

struct image_upload {
	struct artifact_engine *e;
	struct image_upload *next; /* under the sessions' lock, as busy */
	bool busy;		   /* a request has it; all below is that request's */
	bool ended;		   /* not to be kept in memory */
	struct arena arena;
	const char *id;
	struct store_image_upload row;	/* as of its last request */
	int fd;				/* -1 until it was opened */
	int64_t size, digested, behind; /* behind: up to here it is on its way to the disk */
	struct digest sha256;		/* of the first `digested` bytes */
};

#endif
