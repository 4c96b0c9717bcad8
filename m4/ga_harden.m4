# GA_HARDEN: hardening that this compiler and linker know. Sets HARDEN_CFLAGS and HARDEN_LDFLAGS.
AC_DEFUN([GA_HARDEN], [
  HARDEN_CFLAGS=
  HARDEN_LDFLAGS=
  GA_FLAGS([HARDEN_CFLAGS], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -fno-common])
  GA_FLAGS([HARDEN_LDFLAGS], [-Wl,-z,relro,-z,now -Wl,-z,noexecstack])
  # _FORTIFY_SOURCE needs optimisation and gets in the way of the sanitizers
  AS_IF([test -z "$SAN_FLAGS"],
    [AS_CASE([" $CFLAGS "], [*" -O0 "*], [],
      [*" -O"*], [HARDEN_CFLAGS="$HARDEN_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])
])
