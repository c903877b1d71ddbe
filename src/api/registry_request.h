/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the image registry on its way; what the files src/api/registry*.c share. */
#ifndef TOWPATH_API_REGISTRY_REQUEST_H
#define TOWPATH_API_REGISTRY_REQUEST_H

#include "api/registry.h"
#include "artifact/image.h"
#include "codec/form.h"

enum registry_target {
	REGISTRY_BASE,	   /* /v2/ */
	REGISTRY_CATALOG,  /* /v2/_catalog */
	REGISTRY_TAGS,	   /* /v2/<name>/tags/list */
	REGISTRY_MANIFEST, /* /v2/<name>/manifests/<tag or digest> */
	REGISTRY_BLOB,	   /* /v2/<name>/blobs/<digest> */
	REGISTRY_UPLOADS,  /* /v2/<name>/blobs/uploads/ */
	REGISTRY_UPLOAD,   /* /v2/<name>/blobs/uploads/<id> */
	REGISTRY_REFERRERS /* /v2/<name>/referrers/<digest> */
};

struct registry_request {
	const struct registry_config *config;
	struct http_exchange *x;
	struct arena *a;
	enum registry_target target;
	const char *name;      /* of the repository, or NULL */
	const char *reference; /* tag, digest or upload id, or NULL */
	struct form query;
	struct call call;
	struct auth_principal *who;
	const char *missing; /* digest that an error is about, or NULL */
};

/* Answers with the error in the distribution specification's form. */
void registry_error(struct registry_request *r, const struct err *err);
/* The same with a code and status of one's own; message may be NULL. */
void registry_refuse(struct registry_request *r, int status, const char *code, const char *message);
/* Whether the caller may do the action on a repository (NULL: on all). */
int registry_authorize(
	struct registry_request *r, const char *action, const char *name, struct err *err);
/* The value of ?n=, at most max; max when absent. */
size_t registry_page(const struct registry_request *r, size_t max);
void registry_set_header(struct registry_request *r, const char *name, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* One function a route; 0: replied, -1: registry_error() is due. */
typedef int (*registry_serve)(struct registry_request *r, struct err *err);
int registry_get_base(struct registry_request *r, struct err *err);
int registry_get_catalog(struct registry_request *r, struct err *err);
int registry_get_tags(struct registry_request *r, struct err *err);
int registry_get_referrers(struct registry_request *r, struct err *err);
int registry_get_manifest(struct registry_request *r, struct err *err);
int registry_put_manifest(struct registry_request *r, struct err *err);
int registry_delete_manifest(struct registry_request *r, struct err *err);
int registry_head_blob(struct registry_request *r, struct err *err);
int registry_get_blob(struct registry_request *r, struct err *err);
int registry_delete_blob(struct registry_request *r, struct err *err);
int registry_post_uploads(struct registry_request *r, struct err *err);
int registry_get_upload(struct registry_request *r, struct err *err);
int registry_patch_upload(struct registry_request *r, struct err *err);
int registry_put_upload(struct registry_request *r, struct err *err);
int registry_delete_upload(struct registry_request *r, struct err *err);

#endif
