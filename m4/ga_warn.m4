# GA_FLAGS(VARIABLE, [FLAG...]): appends the flags that this compiler knows.
AC_DEFUN([GA_FLAGS], [
  for ga_flag in $2; do
    AC_MSG_CHECKING([whether the compiler takes $ga_flag])
    ga_saved_cflags=$CFLAGS
    CFLAGS="-Werror $ga_flag $CFLAGS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
      [AC_MSG_RESULT([yes])
       $1="$$1 $ga_flag"],
      [AC_MSG_RESULT([no])])
    CFLAGS=$ga_saved_cflags
  done
])

# GA_WARN([FLAG...]): sets WARN_CFLAGS; --enable-werror makes warnings errors.
AC_DEFUN([GA_WARN], [
  WARN_CFLAGS=
  GA_FLAGS([WARN_CFLAGS], [$1])
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [turn warnings into errors])],
    [], [enable_werror=no])
  AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])
