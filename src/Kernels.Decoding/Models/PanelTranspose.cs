using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Kernels.Decoding;

/// <summary>Brings rows side by side into a panel: all rows' first elements, all rows' second ones, and so on.</summary>
internal static unsafe class PanelTranspose
{
    /// <summary>Writes a panel.</summary>
    /// <param name="lanes">The rows.</param>
    /// <param name="count">How many.</param>
    /// <param name="elementBytes">Bytes of an element: 1, 2 or 4.</param>
    /// <param name="elements">Elements of a row.</param>
    /// <param name="target">The panel.</param>
    public static void Interleave(byte** lanes, int count, int elementBytes, int elements, byte* target)
    {
        // Sixteen bytes of each row at a time; what is left over one by one.
        int perVector = 16 / elementBytes;
        int done = 0;
        if (count == 16 && Vector128.IsHardwareAccelerated && (Sse2.IsSupported || AdvSimd.Arm64.IsSupported))
        {
            for (; done + perVector <= elements; done += perVector)
            {
                switch (elementBytes)
                {
                    case 1:
                        Bytes(lanes, done, target + (done * 16));
                        break;
                    case 2:
                        Shorts(lanes, done, target + (done * 32));
                        break;
                    default:
                        Words(lanes, done, target + (done * 64));
                        break;
                }
            }
        }

        for (int lane = 0; lane < count; lane++)
        {
            for (int i = done; i < elements; i++)
            {
                switch (elementBytes)
                {
                    case 1:
                        target[(i * count) + lane] = lanes[lane][i];
                        break;
                    case 2:
                        *(ushort*)(target + (((i * count) + lane) * 2)) = *(ushort*)(lanes[lane] + (i * 2));
                        break;
                    default:
                        *(uint*)(target + (((i * count) + lane) * 4)) = *(uint*)(lanes[lane] + (i * 4));
                        break;
                }
            }
        }
    }

    // 16 rows of 16 bytes: four rounds, each of which interleaves row r with row r + 8.
    private static void Bytes(byte** lanes, int at, byte* target)
    {
        Vector128<byte>* a = stackalloc Vector128<byte>[16];
        Vector128<byte>* b = stackalloc Vector128<byte>[16];
        for (int lane = 0; lane < 16; lane++)
        {
            a[lane] = Vector128.Load(lanes[lane] + at);
        }

        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 8; i++)
            {
                b[2 * i] = Low(a[i], a[i + 8]);
                b[(2 * i) + 1] = High(a[i], a[i + 8]);
            }

            Vector128<byte>* swap = a;
            a = b;
            b = swap;
        }

        for (int i = 0; i < 16; i++)
        {
            a[i].Store(target + (i * 16));
        }
    }

    // Two times 8 rows of 8 elements of two bytes.
    private static void Shorts(byte** lanes, int at, byte* target)
    {
        for (int half = 0; half < 2; half++)
        {
            byte** rows = lanes + (half * 8);
            Vector128<ushort> r0 = Load(rows[0]), r1 = Load(rows[1]), r2 = Load(rows[2]), r3 = Load(rows[3]);
            Vector128<ushort> r4 = Load(rows[4]), r5 = Load(rows[5]), r6 = Load(rows[6]), r7 = Load(rows[7]);
            (r0, r1, r2, r3, r4, r5, r6, r7) =
                (Low(r0, r4), High(r0, r4), Low(r1, r5), High(r1, r5), Low(r2, r6), High(r2, r6), Low(r3, r7), High(r3, r7));
            (r0, r1, r2, r3, r4, r5, r6, r7) =
                (Low(r0, r4), High(r0, r4), Low(r1, r5), High(r1, r5), Low(r2, r6), High(r2, r6), Low(r3, r7), High(r3, r7));
            (r0, r1, r2, r3, r4, r5, r6, r7) =
                (Low(r0, r4), High(r0, r4), Low(r1, r5), High(r1, r5), Low(r2, r6), High(r2, r6), Low(r3, r7), High(r3, r7));
            byte* to = target + (half * 16);
            r0.Store((ushort*)to);
            r1.Store((ushort*)(to + 32));
            r2.Store((ushort*)(to + 64));
            r3.Store((ushort*)(to + 96));
            r4.Store((ushort*)(to + 128));
            r5.Store((ushort*)(to + 160));
            r6.Store((ushort*)(to + 192));
            r7.Store((ushort*)(to + 224));
        }

        Vector128<ushort> Load(byte* row) => Vector128.Load((ushort*)row + at);
    }

    // Four times 4 rows of 4 elements of four bytes.
    private static void Words(byte** lanes, int at, byte* target)
    {
        for (int quarter = 0; quarter < 4; quarter++)
        {
            byte** rows = lanes + (quarter * 4);
            Vector128<uint> r0 = Load(rows[0]), r1 = Load(rows[1]), r2 = Load(rows[2]), r3 = Load(rows[3]);
            (r0, r1, r2, r3) = (Low(r0, r2), High(r0, r2), Low(r1, r3), High(r1, r3));
            (r0, r1, r2, r3) = (Low(r0, r2), High(r0, r2), Low(r1, r3), High(r1, r3));
            byte* to = target + (quarter * 16);
            r0.Store((uint*)to);
            r1.Store((uint*)(to + 64));
            r2.Store((uint*)(to + 128));
            r3.Store((uint*)(to + 192));
        }

        Vector128<uint> Load(byte* row) => Vector128.Load((uint*)row + at);
    }

    private static Vector128<byte> Low(Vector128<byte> a, Vector128<byte> b) => Sse2.IsSupported
        ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<byte> High(Vector128<byte> a, Vector128<byte> b) => Sse2.IsSupported
        ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    private static Vector128<ushort> Low(Vector128<ushort> a, Vector128<ushort> b) => Sse2.IsSupported
        ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<ushort> High(Vector128<ushort> a, Vector128<ushort> b) => Sse2.IsSupported
        ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    private static Vector128<uint> Low(Vector128<uint> a, Vector128<uint> b) => Sse2.IsSupported
        ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<uint> High(Vector128<uint> a, Vector128<uint> b) => Sse2.IsSupported
        ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);
}
