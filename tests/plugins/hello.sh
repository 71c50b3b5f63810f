#!/bin/bash
# hello.sh: the example that newcomers read, found in the build tree by its name.
# shellcheck source=tests/plugins/common.bash
source "$(dirname "$0")/common.bash"

start --backend=hello
cd "$mnt"
equal "the listing" "$(echo *)" "message"
equal "the file" "$(cat message)" "hello world"
equal "its size" "$(stat -c %s message)" 12
equal "its middle" "$(dd if=message bs=1 skip=6 count=5 status=none iflag=nocache)" "world"
refused "Permission denied" bash -c 'echo x >>message'
refused "Permission denied" bash -c ': <>message'
refused "No such file" cat other
refused "Operation not supported" rm -f message
refused "Operation not supported" mkdir dir
equal "the file after that" "$(cat message)" "hello world"
cd /
stop
