#!/bin/sh
# Asks the service how it is, for ten seconds until it answers; fails when it answers ill or not at all.
set -eu
tries=0
until answer=$(curl --silent --max-time 5 --write-out ' (status %{http_code})' \
	http://127.0.0.1:8080/health) || [ "$tries" -ge 50 ]; do
	tries=$((tries + 1))
	sleep 0.2
done
echo "$answer"
case "$answer" in
*"(status 200)") echo "shop-api is healthy" ;;
*)
	echo "shop-api is not healthy; the end of its log:" >&2
	tail -n 20 /tmp/shop-api.log >&2 || true
	exit 1
	;;
esac
