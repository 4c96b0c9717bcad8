# GA_LIBRARIES: what the core needs is an error when missing; a plugin whose library is missing is left out with a line in
# the summary, and so are tests.
AC_DEFUN([GA_LIBRARIES], [
  AC_SEARCH_LIBS([dlopen], [dl], [], [AC_MSG_ERROR([dlopen is needed])])
  PKG_CHECK_MODULES([YAML], [yaml-0.1 >= 0.2])
  PKG_CHECK_MODULES([CJSON], [libcjson >= 1.7.12])
  PKG_CHECK_MODULES([SYSTEMD], [libsystemd >= 247])
  PKG_CHECK_MODULES([CURL], [libcurl >= 7.74], [have_curl=yes], [have_curl=no])
  PKG_CHECK_MODULES([NATS], [libnats >= 3.0], [have_nats=yes], [have_nats=no])
  PKG_CHECK_MODULES([CRYPTO], [libcrypto >= 3.0], [have_crypto=yes], [have_crypto=no])
  PKG_CHECK_MODULES([OPENCL], [OpenCL >= 1.2], [have_opencl=yes], [have_opencl=no])
  PKG_CHECK_MODULES([MICROHTTPD], [libmicrohttpd >= 0.9.71], [have_microhttpd=yes], [have_microhttpd=no])
  PKG_CHECK_MODULES([SQLITE], [sqlite3 >= 3.34], [have_sqlite=yes], [have_sqlite=no])
  PKG_CHECK_MODULES([ARCHIVE], [libarchive >= 3.4], [have_archive=yes], [have_archive=no])
  PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1], [have_cmocka=yes], [have_cmocka=no])
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
