/*
 * weights.cl: a tensor as a window into the pool (numerics: the pool repeated to the tensor's size and rotated, when the
 * tensor is larger than the pool).
 */

/* Where element `index` of the tensor lies. size 0: not larger than the pool. */
ulong
place(ulong start, ulong size, ulong pool_size, ulong index)
{
    return size == 0 ? start + index : (start + index) % size % pool_size;
}
