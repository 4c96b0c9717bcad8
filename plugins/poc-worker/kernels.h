/* kernels.h: the texts of kernels/ (made by build-aux/embed-kernels). */
#ifndef POC_KERNELS_H
#define POC_KERNELS_H

extern const char poc_kernels_half[];
extern const char poc_kernels_subgroup[];
extern const char poc_kernels_weights[];
extern const char poc_kernels_cpu[];
extern const char poc_kernels_nvidia[];
extern const char poc_kernels_nvidia_mma[];
extern const char poc_kernels_nvidia_wgmma[];
extern const char poc_kernels_peak[];
extern const char poc_kernels_portable[];

#endif
