/* SPDX-License-Identifier: Apache-2.0 */
/* Mail over libcurl's SMTP. */
#include "net/mail.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define CODE_REFUSED 500
#define ADDRESS_MAX 254
#define PORT_MAX 65535

static bool is_port(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return isdigit((unsigned char)*text) && !*end && number > 0 && number <= PORT_MAX;
}

int mail_check_server(const char *server, struct err *err)
{
	size_t host = strspn(server, LETTERS ".-");
	const char *port = server + host;

	if (host && (!*port || (*port == ':' && is_port(port + 1))))
		return 0;
	err_set(err, ERR_INVALID, "'%s' is no mail server", server);
	return err_hint(err, "write HOST or HOST:PORT");
}

bool mail_address_ok(const char *address)
{
	size_t name = strspn(address, LETTERS "!#$%&'*+/=?^_`{|}~.-");
	const char *domain = address + name;

	return name && strlen(address) <= ADDRESS_MAX && *domain == '@' && domain[1] &&
	       strspn(domain + 1, LETTERS ".-") == strlen(domain + 1);
}

static size_t on_read(char *buf, size_t size, size_t n, void *arg)
{
	struct view *rest = arg;
	size_t take = MIN(size * n, rest->len);

	memcpy(buf, rest->p, take);
	rest->p += take;
	rest->len -= take;
	return take;
}

static int converse(CURL *curl, struct err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	long code = 0;
	CURLcode r;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	r = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (r == CURLE_OK)
		return 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	return err_set(err, code >= CODE_REFUSED ? ERR_INVALID : ERR_UNAVAILABLE,
		"the mail server did not take the mail: %s", *why ? why : curl_easy_strerror(r));
}

int mail_send(const struct mail *m, struct err *err)
{
	char *url CLEANUP(freep) = xasprintf("smtp://%s", m->server);
	struct curl_slist *to = curl_slist_append(NULL, m->to);
	struct view rest = m->text;
	CURL *curl = curl_easy_init();
	int r;

	BUG_ON(!curl || !to);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	/* Against those who listen, not against those who pose as the relay: it has no name to
	 * prove. */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(m->timeout_usec / USEC_PER_MSEC));
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, m->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, &rest);
	r = converse(curl, err);
	curl_slist_free_all(to);
	curl_easy_cleanup(curl);
	return r;
}
