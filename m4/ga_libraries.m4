# GA_OPTIONAL(VARIABLE, OPTION, MODULE, WHAT): a library that can be missing, or be configured away with --without-OPTION;
# with --with-OPTION its absence is an error. Sets have_OPTION to yes or no.
AC_DEFUN([GA_OPTIONAL], [
  AC_ARG_WITH([$2],
    [AS_HELP_STRING([--without-$2], [leave out what needs $3: $4])],
    [], [with_$2=check])
  AS_IF([test "$with_$2" = no], [have_$2=no],
    [PKG_CHECK_MODULES([$1], [$3], [have_$2=yes],
      [AS_IF([test "$with_$2" = check], [have_$2=no], [AC_MSG_ERROR([--with-$2 was given, and $3 is not there])])])])
])

# GA_LIBRARIES: what the core needs is an error when missing; a plugin whose library is missing is left out with a line in
# the summary, and so are tests.
AC_DEFUN([GA_LIBRARIES], [
  AC_SEARCH_LIBS([dlopen], [dl], [], [AC_MSG_ERROR([dlopen is needed])])
  PKG_CHECK_MODULES([YAML], [yaml-0.1 >= 0.2])
  PKG_CHECK_MODULES([CJSON], [libcjson >= 1.7.12])
  PKG_CHECK_MODULES([SYSTEMD], [libsystemd >= 247])
  GA_OPTIONAL([CURL], [curl], [libcurl >= 7.74], [all plugins but backup-pruner])
  GA_OPTIONAL([NATS], [nats], [libnats >= 3.0], [nats-ttl])
  GA_OPTIONAL([CRYPTO], [crypto], [libcrypto >= 3.0], [all plugins but backup-pruner])
  GA_OPTIONAL([OPENCL], [opencl], [OpenCL >= 1.2], [poc-worker])
  GA_OPTIONAL([MICROHTTPD], [microhttpd], [libmicrohttpd >= 0.9.71], [poc-worker])
  GA_OPTIONAL([SQLITE], [sqlite], [sqlite3 >= 3.34], [poc-worker])
  GA_OPTIONAL([ARCHIVE], [archive], [libarchive >= 3.4], [upgrade-preload])
  GA_OPTIONAL([CMOCKA], [cmocka], [cmocka >= 1.1], [most unit tests])
  AM_CONDITIONAL([HAVE_CURL], [test "$have_curl" = yes])
  AM_CONDITIONAL([HAVE_NATS], [test "$have_nats$have_crypto" = yesyes])
  AM_CONDITIONAL([HAVE_CRYPTO], [test "$have_crypto" = yes])
  # What poc-worker needs.
  AM_CONDITIONAL([HAVE_POC], [test "$have_opencl$have_crypto$have_microhttpd$have_curl$have_sqlite" = yesyesyesyesyes])
  AM_CONDITIONAL([HAVE_CHAIN], [test "$have_curl$have_crypto" = yesyes])
  # What upgrade-preload needs.
  AM_CONDITIONAL([HAVE_ARCHIVE], [test "$have_archive$have_curl$have_crypto" = yesyesyes])
  AM_CONDITIONAL([HAVE_CMOCKA], [test "$have_cmocka" = yes])
])

# GA_SUMMARY: which libraries were found; what needs the others is left out.
AC_DEFUN([GA_SUMMARY], [
  ga_there= ga_left_out=
  for ga_name in curl nats crypto opencl microhttpd sqlite archive cmocka; do
    AS_IF([eval test "\$have_$ga_name" = yes],
      [ga_there="$ga_there $ga_name"], [ga_left_out="$ga_left_out $ga_name"])
  done
  AC_MSG_NOTICE([optional libraries that are there:${ga_there:- none}])
  AS_IF([test -n "$ga_left_out"], [AC_MSG_NOTICE([left out with what needs them:$ga_left_out (./configure --help says what)])])
])
