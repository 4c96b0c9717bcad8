/* candidate_public.c: addresses of the Internet, and those that are not. */
#include "plugins/seed-manager/candidate.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct net4 {
    uint32_t net;
    int      bits;
};

/* RFC 6890 and its kin. */
static int
is_public4(uint32_t ip)
{
    static const struct net4 others[] = {
        {0x00000000u, 8},  /* "this" network */
        {0x0a000000u, 8},  /* private */
        {0x64400000u, 10}, /* shared, behind a provider's NAT */
        {0x7f000000u, 8},  /* loopback */
        {0xa9fe0000u, 16}, /* link-local; clouds answer questions about the machine there */
        {0xac100000u, 12}, /* private */
        {0xc0000000u, 24}, /* protocol assignments */
        {0xc0000200u, 24}, /* documentation */
        {0xc0a80000u, 16}, /* private */
        {0xc6120000u, 15}, /* benchmarks */
        {0xc6336400u, 24}, /* documentation */
        {0xcb007100u, 24}, /* documentation */
        {0xe0000000u, 3},  /* multicast, reserved, broadcast */
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if ((ip ^ others[i].net) >> (32 - others[i].bits) == 0)
            return 0;
    return 1;
}

/* Global unicast is 2000::/3; addresses that carry an IPv4 address are judged by that. */
static int
is_public6(const unsigned char ip[16])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint32_t                   inner;

    if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
        memcpy(&inner, ip + 12, sizeof(inner));
        return is_public4(ntohl(inner));
    }
    if (ip[0] == 0x20 && ip[1] == 0x02) {
        memcpy(&inner, ip + 2, sizeof(inner));
        return is_public4(ntohl(inner));
    }
    return (ip[0] & 0xe0) == 0x20 && !(ip[0] == 0x20 && ip[1] == 0x01 && ip[2] == 0x0d && ip[3] == 0xb8);
}

int
candidate_is_public(const char *host)
{
    char           bare[CANDIDATE_HOST_MAX];
    unsigned char  ip6[16];
    struct in_addr ip4;
    size_t         len = strlen(host);

    if (inet_pton(AF_INET, host, &ip4) == 1)
        return is_public4(ntohl(ip4.s_addr));
    if (host[0] != '[' || len < 2 || len > sizeof(bare))
        return 1;
    (void)snprintf(bare, sizeof(bare), "%.*s", (int)(len - 2), host + 1);
    return inet_pton(AF_INET6, bare, ip6) == 1 && is_public6(ip6);
}
