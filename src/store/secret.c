/* SPDX-License-Identifier: Apache-2.0 */
#include "store/secret.h"

const struct store_document_kind STORE_SECRET_PARAMETER = {
	"ssm.parameter", &towpath_secret_parameter_shape};
const struct store_document_kind STORE_SECRET_PARAMETER_VERSION = {
	"ssm.version", &towpath_secret_parameter_shape};
const struct store_document_kind STORE_SECRET = {"secret", &towpath_secret_item_shape};
const struct store_document_kind STORE_SECRET_VERSION = {
	"secret.version", &towpath_secret_version_shape};
