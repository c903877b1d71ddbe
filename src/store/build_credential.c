/* SPDX-License-Identifier: Apache-2.0 */
#include "store/build_credential.h"

const struct store_document_kind STORE_BUILD_CREDENTIAL = {
	"codebuild.credential", &codebuild_import_source_credentials_request_shape};
const struct store_document_kind STORE_BUILD_WEBHOOK = {
	"codebuild.webhook", &codebuild_webhook_shape};
