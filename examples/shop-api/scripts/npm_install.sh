#!/bin/sh
# Unpacks what the build packed. The package holds its production dependencies; one without them
# gets them here.
set -eu
cd /var/www/shop-api
unzip -qo app.zip
[ -d node_modules/express ] || npm ci --omit=dev --no-audit --no-fund
chown -R ec2-user:ec2-user .
