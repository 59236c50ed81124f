using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Kernels.Paging.Tests")]
