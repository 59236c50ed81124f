namespace Kernels.Compiler.Emit.Text;

/// <summary>Gives the text of a hole with arguments: <c>${load(row, d + 1)}</c>.</summary>
internal delegate string HoleFunction(params string[] arguments);
