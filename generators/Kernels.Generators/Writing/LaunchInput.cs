using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Writing;

/// <summary>One thing that a launch is given beside queries and cache.</summary>
/// <param name="Name">Its property.</param>
/// <param name="Type">Its type in C#.</param>
/// <param name="Summary">What it is, for people.</param>
/// <param name="ModInput">The mods' parameter, where it is one of theirs.</param>
internal sealed record LaunchInput(string Name, string Type, string Summary, ModInput? ModInput = null);
