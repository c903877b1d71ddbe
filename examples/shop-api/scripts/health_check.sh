#!/bin/sh
# Asks the service how it is until it answers; fails when it answers ill or not in time.
set -eu
if curl --fail --silent --show-error --retry 10 --retry-delay 1 --retry-max-time 10 \
	--retry-connrefused --max-time 5 http://127.0.0.1:8080/health; then
	echo
	echo "shop-api is healthy"
else
	echo "shop-api is not healthy; the end of its log:" >&2
	tail -n 20 /tmp/shop-api.log >&2 || true
	exit 1
fi
