/* SPDX-License-Identifier: Apache-2.0 */
/* Files of certificates, with their private keys. HAProxy reads them when it starts or takes a new
 * configuration over, before it drops its rights; they are there for that long only. A file is
 * named by the digest of what it holds, so that another certificate is another configuration. */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "traffic/haproxy_internal.h"

char *haproxy_certificate_path(const struct haproxy_paths *paths, const char *pem)
{
	struct digest_value value = digest_of(DIGEST_SHA256, view_of(pem));
	struct digest_text name = digest_hex(&value);

	return xasprintf("%s/%s.pem", paths->certificates, name.text);
}

int haproxy_certificates_write(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_listeners; i++)
		for (size_t k = 0; k < plan->listeners[i].n_certificates; k++) {
			const char *pem = plan->listeners[i].certificates[k];
			char *path CLEANUP(freep) = haproxy_certificate_path(&h->paths, pem);

			if (file_make_dirs(h->paths.certificates, 0700, err) < 0 ||
				file_write_atomic(path, view_of(pem), 0600, err) < 0)
				return -1;
		}
	return 0;
}

void haproxy_certificates_remove(struct haproxy *h)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (file_remove_tree(h->paths.certificates, &err) < 0)
		log_err("traffic", &err, "private keys are left");
}
