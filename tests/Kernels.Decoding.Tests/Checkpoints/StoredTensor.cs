using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Kernels.Decoding.Tests;

/// <summary>A tensor's shape and its elements, row-major.</summary>
internal sealed record StoredTensor(int[] Shape, float[] Values);
