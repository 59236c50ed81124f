using System.Collections.Immutable;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Writes matrices to a device in the layout of its kernels, with all cores. A device that shares memory with the host has them written
/// where they lie; others are given pieces, the next of which is packed while the one before is copied.
/// </summary>
internal sealed unsafe class MatrixWriter(ComputeDevice device)
{
    private const int StagingBytes = 16 << 20;
    private const int TaskBytes = 256 << 10;

    private readonly bool shared = device.Capabilities.Kind == DeviceKind.Cpu && device.Capabilities.HasUnifiedMemory;
    private readonly (PinnedArray<byte> Array, ComputeEvent? Copied)[] staging = new (PinnedArray<byte>, ComputeEvent?)[2];
    private int next;

    /// <summary>Writes matrices one after the other.</summary>
    /// <param name="target">As many bytes as they take.</param>
    /// <param name="format">The form of all parts.</param>
    /// <param name="parts">The rows of all matrices.</param>
    /// <param name="rows">Rows of each matrix.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="layout">How they lie.</param>
    /// <param name="count">Matrices.</param>
    public void Write(
        DeviceBuffer<byte> target, WeightFormat format, PartRows[] parts, int rows, int columns, WeightLayout layout, int count)
    {
        var source = new RowIndex(parts);
        ImmutableArray<WeightPlane> planes = format.Planes(columns);
        int padded = layout.PaddedRows(rows);
        int panels = padded / layout.PanelRows;
        long matrixBytes = format.MatrixBytes(rows, columns, layout);
        if (shared)
        {
            device.Queue.Overwrite(target, address =>
            {
                long panelBytes = Math.Max(1, matrixBytes / panels);
                int chunk = (int)Math.Clamp(TaskBytes / panelBytes, 1, panels);
                long chunks = ((long)panels + chunk - 1) / chunk;

                Parallel.For(0L, chunks * count, Scratch.New, (task, _, scratch) =>
                {
                    (long matrix, long part) = Math.DivRem(task, chunks);
                    int first = (int)part * chunk, end = Math.Min(first + chunk, panels);
                    byte* plane = (byte*)address + (matrix * matrixBytes);
                    for (int p = 0; p < planes.Length; p++)
                    {
                        for (int panel = first; panel < end; panel++)
                        {
                            Pack(
                                source, matrix * rows, rows, p, planes[p], panel, layout.OfPlane(p),
                                plane + ((long)panel * layout.PanelRows * planes[p].RowBytes), scratch);
                        }

                        plane += format.PlaneBytes(planes[p], padded);
                    }

                    return scratch;
                }, static scratch => scratch.Dispose());
            });
            return;
        }

        for (int matrix = 0; matrix < count; matrix++)
        {
            long at = matrix * matrixBytes;
            for (int p = 0; p < planes.Length; p++)
            {
                WritePlane(target, at, source, (long)matrix * rows, rows, p, planes[p], panels, layout.OfPlane(p));
                at += format.PlaneBytes(planes[p], padded);
            }
        }

        // Pieces are taken from the file's map, which may be gone when the caller is done.
        device.Queue.Finish();
    }

    private void WritePlane(
        DeviceBuffer<byte> target, long at, RowIndex source, long firstRow, int rows, int p, WeightPlane plane, int panels,
        WeightLayout layout)
    {
        int panelRows = layout.PanelRows;
        long panelBytes = (long)panelRows * plane.RowBytes;
        int pieceBytes = checked((int)Math.Max(StagingBytes, panelBytes));
        int pieces = (int)(pieceBytes / panelBytes);
        for (int first = 0; first < panels; first += pieces)
        {
            ref (PinnedArray<byte> Array, ComputeEvent? Copied) stage = ref staging[next];
            next = 1 - next;
            stage.Copied?.Wait();
            stage.Copied?.Dispose();
            stage.Copied = null;
            if (stage.Array is null || stage.Array.Length < pieceBytes)
            {
                stage.Array = new PinnedArray<byte>(pieceBytes);
            }

            int end = Math.Min(first + pieces, panels), start = first;
            PinnedArray<byte> array = stage.Array;
            int chunk = (int)Math.Clamp(TaskBytes / panelBytes, 1, end - first);
            fixed (byte* staged = array.Span)
            {
                nint address = (nint)staged;
                Parallel.For(0, (end - first + chunk - 1) / chunk, Scratch.New, (task, _, scratch) =>
                {
                    for (int panel = start + (task * chunk); panel < Math.Min(start + ((task + 1) * chunk), end); panel++)
                    {
                        Pack(source, firstRow, rows, p, plane, panel, layout, (byte*)address + ((panel - start) * panelBytes), scratch);
                    }

                    return scratch;
                }, static scratch => scratch.Dispose());
            }

            stage.Copied = device.Queue.EnqueueWrite(target, array, checked((int)((end - first) * panelBytes)), at + (first * panelBytes));
            device.Queue.Flush();
        }
    }

    // Rows past the end repeat the last one: no sum of them is kept.
    private static void Pack(
        RowIndex source, long firstRow, int rows, int p, WeightPlane plane, int panel, WeightLayout layout, byte* target, Scratch scratch)
    {
        int panelRows = layout.PanelRows;
        int rowBytes = plane.RowBytes;
        byte* buffer = scratch.Take(panelRows * rowBytes);
        byte** lanes = stackalloc byte*[panelRows];
        for (int lane = 0; lane < panelRows; lane++)
        {
            long row = firstRow + Math.Min((panel * panelRows) + lane, rows - 1);
            lanes[lane] = source.Plane(p, row, buffer + (lane * rowBytes));
        }

        if (panelRows == 1)
        {
            Buffer.MemoryCopy(lanes[0], target, rowBytes, rowBytes);
        }
        else
        {
            int side = Math.Max(layout.WordBytes, plane.ElementBytes);
            PanelTranspose.Interleave(lanes, panelRows, side, rowBytes / side, target);
        }
    }

    /// <summary>Which part a row is of.</summary>
    private sealed class RowIndex
    {
        private readonly PartRows[] parts;
        private readonly long[] starts;

        public RowIndex(PartRows[] parts)
        {
            this.parts = parts;
            starts = new long[parts.Length];
            for (int i = 1; i < parts.Length; i++)
            {
                starts[i] = starts[i - 1] + parts[i - 1].Count;
            }
        }

        public byte* Plane(int plane, long row, byte* buffer)
        {
            int i = Array.BinarySearch(starts, row);
            i = i < 0 ? ~i - 1 : i;
            return parts[i].Rows.Plane(plane, parts[i].First + row - starts[i], buffer);
        }
    }

    /// <summary>Room of a thread's own for rows that are taken apart.</summary>
    private sealed class Scratch : IDisposable
    {
        private byte* memory;
        private int length;

        public static Scratch New() => new();

        public byte* Take(int bytes)
        {
            if (bytes > length)
            {
                Dispose();
                memory = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc((nuint)bytes, 64);
                length = bytes;
            }

            return memory;
        }

        public void Dispose()
        {
            System.Runtime.InteropServices.NativeMemory.AlignedFree(memory);
            memory = null;
            length = 0;
        }
    }
}
