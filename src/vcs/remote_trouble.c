/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of git, curl and ssh mean. */
#include <string.h>

#include "base/mem.h"
#include "vcs/remote.h"

/* The first that stands in the text counts. */
static const struct {
	const char *text;
	enum vcs_trouble trouble;
} meanings[] = {
	{"Host key verification failed", VCS_TROUBLE_HOST_KEY},
	{"Authentication failed", VCS_TROUBLE_CREDENTIAL},
	{"could not read Username", VCS_TROUBLE_CREDENTIAL},
	{"could not read Password", VCS_TROUBLE_CREDENTIAL},
	{"Permission denied (", VCS_TROUBLE_CREDENTIAL},
	{"returned error: 401", VCS_TROUBLE_CREDENTIAL},
	{"returned error: 403", VCS_TROUBLE_CREDENTIAL},
	{"Access denied", VCS_TROUBLE_CREDENTIAL},
	{"stale info", VCS_TROUBLE_STALE},
	{"(fetch first)", VCS_TROUBLE_STALE},
	{"couldn't find remote ref", VCS_TROUBLE_REFERENCE},
	{"not our ref", VCS_TROUBLE_REFERENCE},
	{"unadvertised object", VCS_TROUBLE_REFERENCE},
	{"Could not resolve host", VCS_TROUBLE_REACH},
	{"Failed to connect", VCS_TROUBLE_REACH},
	{"Couldn't connect", VCS_TROUBLE_REACH},
	{"Connection refused", VCS_TROUBLE_REACH},
	{"timed out", VCS_TROUBLE_REACH},
	{"Connection reset", VCS_TROUBLE_REACH},
	{"early EOF", VCS_TROUBLE_REACH},
	{"RPC failed", VCS_TROUBLE_REACH},
	{"certificate", VCS_TROUBLE_TLS},
	{"does not appear to be a git repository", VCS_TROUBLE_ADDRESS},
	{"does not exist", VCS_TROUBLE_ADDRESS},
	{"not found", VCS_TROUBLE_ADDRESS},
	{"unable to access", VCS_TROUBLE_REACH},
	{"No space left on device", VCS_TROUBLE_FULL},
};

enum vcs_trouble vcs_trouble_of(const char *said)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (strstr(said, meanings[i].text))
			return meanings[i].trouble;
	return VCS_TROUBLE_OTHER;
}
