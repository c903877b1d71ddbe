/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for git hosts and webhooks of projects, as documents (store/document.h). */
#ifndef TOWPATH_STORE_BUILD_CREDENTIAL_H
#define TOWPATH_STORE_BUILD_CREDENTIAL_H

#include "codebuild.gen.h"
#include "store/document.h"

/* What was imported, by server type; the token is sealed. */
extern const struct store_document_kind STORE_BUILD_CREDENTIAL;
/* By project; the secret is sealed. */
extern const struct store_document_kind STORE_BUILD_WEBHOOK;

#endif
