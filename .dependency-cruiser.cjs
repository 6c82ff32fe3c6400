/** Which folder may import what. */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: {
        orphan: true,
        pathNot: [
          "main\\.ts$",
          "\\.test\\.ts$",
          "\\.full-test\\.ts$",
          "\\.bench\\.ts$",
          "^test/bed/",
          "^examples/",
          "^hooks/",
        ],
      },
      to: {},
    },
    {
      name: "shared-imports-only-shared",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(cli|nats|services|hooks|test|examples|bench)/" },
    },
    {
      name: "a-service-imports-itself-and-shared",
      severity: "error",
      from: { path: "^services/([^/]+)/" },
      to: { path: "^(cli|nats|services|hooks|test|examples|bench)/", pathNot: "^services/$1/" },
    },
    {
      name: "nats-imports-itself-and-shared",
      severity: "error",
      from: { path: "^nats/" },
      to: { path: "^(cli|services|hooks|test|examples|bench)/" },
    },
    {
      name: "the-program-starts-services-by-their-run",
      severity: "error",
      from: { path: "^cli/" },
      to: { path: "^services/", pathNot: "^services/[^/]+/run\\.ts$" },
    },
    {
      name: "pure-files-import-no-io",
      severity: "error",
      from: {
        path: "(shared/(contract/(hooks|messages|subject-tokens|verdict-precedence)|registry/image-ref|settings/labels)|services/poller/plan/(plan|latest-only|run-id)|services/updater/(create/[a-z-]+|gate/(concerned-containers|decision|gate-wait|votes|wait-verdicts)|plan/(mode|revalidate-plan)|swap/swap-phase))\\.ts$",
      },
      to: {
        path: "^(dockerode|nats|@nats-io|pino|node:(?!crypto))|shared/(clock|docker/engine|runtime/run-service|nats/jetstream)\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types"],
    },
  },
};
