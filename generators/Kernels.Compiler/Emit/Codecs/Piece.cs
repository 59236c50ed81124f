namespace Kernels.Compiler.Emit.Codecs;

/// <summary>
/// Elements of a row that are loaded as they are stored, in one access of at most 16 bytes: 4 of float32, 8 of a smaller type.
/// </summary>
/// <param name="Type">Their type together in OpenCL C. Rows of whole pieces are aligned to it.</param>
/// <param name="Function">The template of a function that <paramref name="ToFloat"/> calls, or nothing.</param>
/// <param name="ToFloat">Expression: the piece as a vector of float32, without its scale.</param>
internal sealed record Piece(string Type, string Function, Func<string, string> ToFloat);
