# GA_SANITIZE: --enable-sanitizers[=LIST] (default list: address,undefined). Sets SAN_FLAGS.
AC_DEFUN([GA_SANITIZE], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
       [instrument with LIST (address,undefined when no list is given)])],
    [], [enable_sanitizers=no])
  AS_CASE([$enable_sanitizers],
    [no],  [SAN_FLAGS=],
    [yes], [SAN_FLAGS="-fsanitize=address,undefined"],
    [SAN_FLAGS="-fsanitize=$enable_sanitizers"])
  AS_IF([test -n "$SAN_FLAGS"],
    [SAN_FLAGS="$SAN_FLAGS -fno-sanitize-recover=all -fno-omit-frame-pointer"])
  AC_SUBST([SAN_FLAGS])
  AM_CONDITIONAL([SANITIZED], [test -n "$SAN_FLAGS"])
])
