/* SPDX-License-Identifier: Apache-2.0 */
/* The signed deployment specification that host agents ask for. Private to deploy/. */
#ifndef TOWPATH_DEPLOY_SPECIFICATION_H
#define TOWPATH_DEPLOY_SPECIFICATION_H

#include "deploy/engine.h"

/* PEM, SignedData with the JSON document and the certificate embedded. */
int deploy_specification_sign(struct deploy_engine *e, const struct store_deployment *d,
	struct arena *a, const char **ret_pem, struct err *err);
/* Loads the signing key and its certificate from the data folder; makes them the first time. */
int deploy_specification_load_signer(struct deploy_engine *e, struct err *err);

#endif
