/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_SECRETSMANAGER_H
#define TOWPATH_API_SVC_SECRETSMANAGER_H

#include "secret/secret.h"

/* The engine is borrowed. */
struct call_service svc_secretsmanager(struct secret_engine *e);

#endif
