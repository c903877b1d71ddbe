#!/bin/sh
# The build ships its production dependencies; a revision without them gets them here.
set -eu
cd /var/www/shop-api
[ -d node_modules/express ] || npm ci --omit=dev --no-audit --no-fund
