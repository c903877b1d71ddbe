/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the oci driver, for its own files only. */
#ifndef TOWPATH_COMPUTE_OCI_INTERNAL_H
#define TOWPATH_COMPUTE_OCI_INTERNAL_H

#include "base/str.h"
#include "compute/compute.h"

/* The text of the bundle's config.json (OCI runtime specification 1.0). */
int oci_bundle_text(const struct compute_spec *spec, struct str *out, struct err *err);

/* Bridge, forwarding and address translation as far as missing; then a pair of interfaces, one
 * end in the network namespace of pid. */
int oci_network_join(const char *id, const struct compute_bridge *b, pid_t pid, struct err *err);
/* Takes the bridge away when nothing is connected to it any more. */
int oci_network_leave(const struct compute_bridge *b, struct err *err);
int oci_network_redirect(const struct compute_bridge *b, struct err *err);

#endif
