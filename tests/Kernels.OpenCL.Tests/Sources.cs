namespace Kernels.OpenCL.Tests;

/// <summary>The kernels that the tests run.</summary>
internal static class Sources
{
    public static ReadOnlySpan<byte> Basics => """
        kernel void scale(global const float* a, global float* b, float factor, int count)
        {
            int i = get_global_id(0);
            if (i < count) b[i] = factor * a[i];
        }

        kernel void place(global int* b)
        {
            size_t i = get_global_id(0) + get_global_size(0) * (get_global_id(1) + get_global_size(1) * get_global_id(2));
            b[i] = (int)(get_global_id(0) + 100 * get_global_id(1) + 10000 * get_global_id(2));
        }

        kernel void values(global long* b, int i, uint u, long l, ulong ul, float f)
        {
            b[0] = i; b[1] = u; b[2] = l; b[3] = (long)ul; b[4] = (long)(f * 4);
        }

        kernel void is_null(global const int* a, global int* b)
        {
            b[0] = a == 0;
        }

        kernel void reverse(global int* b, local int* t)
        {
            int i = get_local_id(0), n = get_local_size(0);
            t[i] = b[get_global_id(0)];
            barrier(CLK_LOCAL_MEM_FENCE);
            b[get_global_id(0)] = t[n - 1 - i];
        }

        kernel __attribute__((reqd_work_group_size(8, 2, 1))) void eight_by_two(global int* b)
        {
            b[get_global_id(0) + get_global_size(0) * get_global_id(1)] = 7;
        }
        """u8;

    /// <summary>A program of its own for each number.</summary>
    public static byte[] Numbered(int number) =>
        System.Text.Encoding.UTF8.GetBytes(
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"kernel void number(global int* b) {{ b[0] = {number}; }}"));
}
