/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODECOMMIT_H
#define TOWPATH_API_SVC_CODECOMMIT_H

#include "source/source.h"

/* The engine is borrowed. */
struct call_service svc_codecommit(struct source_engine *e);

#endif
