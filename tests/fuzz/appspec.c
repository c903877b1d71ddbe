/* SPDX-License-Identifier: Apache-2.0 */
/* AppSpec files. */
#include "deploy/appspec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct appspec s;

	if (appspec_parse("appspec.yml", (struct view){(const char *)data, size}, &a, &s, &err) < 0)
		return 0;
	for (size_t i = 0; i < s.n_hooks; i++)
		appspec_hook(&s, s.hooks[i].event);
	for (size_t i = 0; i < s.n_permissions; i++)
		appspec_glob(s.permissions[i].pattern, s.permissions[i].object);
	return 0;
}
