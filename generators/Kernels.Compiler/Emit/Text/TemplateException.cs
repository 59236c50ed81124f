namespace Kernels.Compiler.Emit.Text;

/// <summary>A template is wrong, or does not fit what it was given: a fault of this compiler, never of a user's spec.</summary>
internal sealed class TemplateException(string file, int line, string message) : Exception($"{file}.cl:{line}: {message}");
